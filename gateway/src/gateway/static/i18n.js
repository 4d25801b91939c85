// The page's words in English and Chinese.
const WORDS = {
  en: {
    welcome: "Ask your machines", login: "Log in", logout: "Log out", username: "Username", password: "Password",
    api_key: "API key", login_hint: "Log in with the password in var/admin.password, or paste the API key in var/admin.key.",
    new_conversation: "New conversation", empty_hint: "The answer is computed from telemetry in the store. Try one of these:",
    ask_placeholder: "Ask about a device…", send: "Send", stop: "Stop", conversations: "Conversations", theme: "Light / dark",
    untitled: "New conversation", remove: "Delete this conversation", remove_sure: "Delete “%” with all its messages? This can’t be undone.", reconnecting: "Reconnecting…", stopped: "Stopped",
    length: "Cut at the length limit", budget_exceeded: "The budget is used up", thinking: "Thinking", tokens: "tokens",
    offline: "The gateway cannot be reached.", lost: "This answer can no longer be resumed.",
    suggestions: [
      "What was the mean current of WLD001 in the last hour?",
      "Compare voltage and wire_feed of WLD001: min, max and standard deviation.",
      "Which devices are there, and when was each last seen?",
      "Is the temperature of WLD001 rising?",
    ],
  },
  zh: {
    welcome: "向设备提问", login: "登录", logout: "退出", username: "用户名", password: "密码",
    api_key: "API 密钥", login_hint: "使用 var/admin.password 中的密码登录，或粘贴 var/admin.key 中的 API 密钥。",
    new_conversation: "新对话", empty_hint: "答案由存储的遥测数据计算得出。试试这些问题：",
    ask_placeholder: "询问某台设备…", send: "发送", stop: "停止", conversations: "对话", theme: "浅色 / 深色",
    untitled: "新对话", remove: "删除此对话", remove_sure: "删除“%”及其全部消息？此操作无法撤销。", reconnecting: "正在重新连接…", stopped: "已停止",
    length: "达到长度上限", budget_exceeded: "预算已用完", thinking: "思考", tokens: "token",
    offline: "无法连接网关。", lost: "此回答无法继续。",
    suggestions: [
      "WLD001 最近一小时的平均电流是多少？",
      "比较 WLD001 的 voltage 和 wire_feed：最小值、最大值和标准差。",
      "有哪些设备，最后一次上报是什么时候？",
      "WLD001 的温度在上升吗？",
    ],
  },
};

let language = localStorage.getItem("penstock.language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export const word = (name) => WORDS[language][name];

export function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("penstock.language", language);
  translate();
}

export function translate(root = document) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = word(node.dataset.i18n);
  for (const node of root.querySelectorAll("[data-i18n-placeholder]")) node.placeholder = word(node.dataset.i18nPlaceholder);
  for (const node of root.querySelectorAll("[data-i18n-title]")) {
    node.title = word(node.dataset.i18nTitle);
    node.setAttribute("aria-label", node.title);
  }
}

export const otherLanguage = () => (language === "en" ? "中文" : "English");

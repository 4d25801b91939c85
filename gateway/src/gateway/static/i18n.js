// The page's words in English and Chinese.
const WORDS = {
  en: {
    welcome: "Ask your machines", login: "Log in", logout: "Log out", username: "Username", password: "Password",
    api_key: "API key", login_hint: "Log in with the password in var/admin.password, or paste the API key in var/admin.key.",
    key_hint: "Sign in below, or paste an API key.", sign_in_with: "Sign in with %",
    sign_in_failures: {
      SIGN_IN_INVALID: "That sign-in took longer than ten minutes, was used before or was begun in another browser. Begin again.",
      SIGN_IN_DENIED: "The sign-in was refused. Ask your administrator.",
      GROUP_REQUIRED: "You are in none of the groups that may use this system. Ask your administrator to put you into one, and sign in again.",
      GROUPS_LIMIT_EXCEEDED: "You are in more groups than can be told. Ask your administrator to send only those of this system.",
      USERS_LIMIT_EXCEEDED: "There are as many users here as there may be. Ask your administrator to delete some.",
      ISSUER_UNAVAILABLE: "Single sign-on does not answer. Try again later, or log in another way.",
      OTHER: "The sign-in failed. Begin again; if it stays so, tell your administrator.",
    },
    new_conversation: "New conversation", empty_hint: "The answer is computed from telemetry in the store. Try one of these:",
    ask_placeholder: "Ask about a device…", send: "Send", stop: "Stop", conversations: "Conversations", theme: "Light / dark",
    untitled: "New conversation", remove: "Delete this conversation", rename: "Rename", deleted: "“%” was deleted.", undo: "Undo",
    search: "Search conversations", none: "No conversation has that in its title.", copy: "Copy", copied: "Copied", copy_failed: "Not copied",
    edit: "Edit", regenerate: "Ask again", answer: "Answer", you: "You", attach: "Attach pictures or text files", remove_file: "Remove", reading: "Reading…",
    no_sound: "“%” is no text and no picture; sound and films can't be sent to the assistant.", picture: "Picture", dashboard: "Dashboard", picture_missing: "can't be shown now",
    no_picture: "“%” can't be read as a picture; PNG, JPEG, GIF and WebP can.", too_many_pictures: "At most four pictures go with a message.", no_text: "“%” is no text in UTF-8.",
    file_too_large: "“%” has more than 150,000 characters.", too_many_files: "At most ten files go with a message.", too_long: "A message has at most 200,000 characters.",
    expired: "Your session is over. Log in again; what you typed is kept.", latest: "To the latest", writing: "writing", ready: "Answer complete", failed_list: "The list of conversations can't be read.",
    default_model: "Model: automatic", default_engine: "Engine: current", default_personality: "No personality", model: "Model", engine: "Engine", personality: "Personality",
    settings: "Settings", close: "Close", api_keys: "API keys", name: "Name", make_key: "Make a key", shown_once: "It is shown this once.", current_password: "Current password", new_password: "New password",
    change: "Change", changed: "Changed.", users: "Users", make_user: "Add a user", budgets: "Budgets", scope: "Scope", subject: "Key or user id", period: "Period", limit: "Limit in USD", make_budget: "Add a budget",
    prices: "Prices", provider: "Provider", input_price: "Input", output_price: "Output", cache_read_price: "Cache read", cache_write_price: "Cache write", set_price: "Set the price",
    prices_hint: "In USD per million tokens, for every tenant. What is left empty is not known.",
    remove_entry: "Remove", sure: "Really remove?",
    missing: "There is no such conversation.", table: "Table", chart: "Chart", time: "Time", options: "Options", conversation: "Conversation", reconnecting: "Reconnecting…", stopped: "Stopped",
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
    key_hint: "请在下方登录，或粘贴 API 密钥。", sign_in_with: "使用 % 登录",
    sign_in_failures: {
      SIGN_IN_INVALID: "此次登录已超过十分钟、已被使用，或是在另一个浏览器中开始的。请重新登录。",
      SIGN_IN_DENIED: "登录被拒绝，请联系管理员。",
      GROUP_REQUIRED: "您不属于任何可使用本系统的用户组。请联系管理员加入后重新登录。",
      GROUPS_LIMIT_EXCEEDED: "您所在的用户组过多，无法全部告知。请让管理员只发送本系统的用户组。",
      USERS_LIMIT_EXCEEDED: "用户数量已达上限。请让管理员删除一些不再需要的用户。",
      ISSUER_UNAVAILABLE: "单点登录没有响应。请稍后重试，或使用其他方式登录。",
      OTHER: "登录失败，请重新登录；如仍失败，请联系管理员。",
    },
    new_conversation: "新对话", empty_hint: "答案由存储的遥测数据计算得出。试试这些问题：",
    ask_placeholder: "询问某台设备…", send: "发送", stop: "停止", conversations: "对话", theme: "浅色 / 深色",
    untitled: "新对话", remove: "删除此对话", rename: "重命名", deleted: "已删除“%”。", undo: "撤销",
    search: "搜索对话", none: "没有标题匹配的对话。", copy: "复制", copied: "已复制", copy_failed: "未能复制",
    edit: "编辑", regenerate: "重新提问", answer: "回答", you: "你", attach: "添加图片或文本文件", remove_file: "移除", reading: "正在读取…",
    no_sound: "“%”既不是文本也不是图片；不能发送声音和视频。", picture: "图片", dashboard: "仪表盘", picture_missing: "暂时无法显示",
    no_picture: "“%”无法作为图片读取；支持 PNG、JPEG、GIF 和 WebP。", too_many_pictures: "每条消息最多四张图片。", no_text: "“%”不是 UTF-8 文本。",
    file_too_large: "“%”超过 150,000 个字符。", too_many_files: "每条消息最多十个文件。", too_long: "一条消息最多 200,000 个字符。",
    expired: "会话已过期，请重新登录；输入的内容仍保留。", latest: "回到最新", writing: "正在回答", ready: "回答完成", failed_list: "无法读取对话列表。",
    default_model: "模型：自动", default_engine: "引擎：当前", default_personality: "无人格", model: "模型", engine: "引擎", personality: "人格",
    settings: "设置", close: "关闭", api_keys: "API 密钥", name: "名称", make_key: "创建密钥", shown_once: "密钥只显示这一次。", current_password: "当前密码", new_password: "新密码",
    change: "修改", changed: "已修改。", users: "用户", make_user: "添加用户", budgets: "预算", scope: "范围", subject: "密钥或用户 ID", period: "周期", limit: "上限（美元）", make_budget: "添加预算",
    prices: "价格", provider: "提供商", input_price: "输入", output_price: "输出", cache_read_price: "缓存读取", cache_write_price: "缓存写入", set_price: "设定价格",
    prices_hint: "单位：美元／百万 token，对所有租户有效。留空表示未知。",
    remove_entry: "移除", sure: "确认移除？",
    missing: "没有这个对话。", table: "表格", chart: "图表", time: "时间", options: "选项", conversation: "对话", reconnecting: "正在重新连接…", stopped: "已停止",
    length: "达到长度上限", budget_exceeded: "预算已用完", thinking: "思考", tokens: "token",
    // What the server says of an answer; % stands for what differs.
    notices: {
      "The pictures were not looked at: % takes none; choose a model that does and ask again.": "没有查看图片：%不支持图片；请选择支持图片的模型后重新提问。",
      "The model's provider ended the answer before its end (content filter).": "模型提供商提前结束了回答（内容过滤）。",
      "The personality of this conversation was deleted, so it is answered without one; choose another one for it.": "此对话的人格已被删除，因此回答未使用人格；请为它另选一个。",
    },
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
export const english = (name) => WORDS.en[name];

// What the server says of an answer, in the page's language where it is known there.
export function notice(text) {
  for (const [known, own] of Object.entries(WORDS[language].notices ?? {})) {
    const [before, after = ""] = known.split("%");
    if (known.includes("%") ? text.startsWith(before) && text.endsWith(after) : text === known) {
      return own.replace("%", () => text.slice(before.length, text.length - after.length));
    }
  }
  return text;
}

export function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("penstock.language", language);
  translate();
}

export function translate(root = document) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = word(node.dataset.i18n);
  for (const node of root.querySelectorAll("[data-i18n-placeholder]")) node.placeholder = word(node.dataset.i18nPlaceholder);
  for (const node of root.querySelectorAll("[data-i18n-label]")) node.setAttribute("aria-label", word(node.dataset.i18nLabel));
  for (const node of root.querySelectorAll("[data-i18n-title]")) {
    node.title = word(node.dataset.i18nTitle);
    node.setAttribute("aria-label", node.title);
  }
}

export const otherLanguage = () => (language === "en" ? "中文" : "English");

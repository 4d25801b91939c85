"""The words for zones of time, in English and Chinese."""

from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon

_ZONES: Final = {
    "UTC": "utc|gmt|utc time|gmt time|zulu|世界时|格林尼治时间|协调世界时|世界协调时",
    "Asia/Shanghai": "beijing time|china time|china standard time|chinese time|shanghai time"
    "|in beijing|in shanghai|in china|北京时间|中国时间|上海时间|东八区|东八区时间",
    "Europe/Berlin": "berlin time|german time|germany time|cet|cest|central european time|in berlin"
    "|in germany|柏林时间|德国时间|欧洲中部时间",
    "Europe/London": "london time|uk time|british time|bst|in london|伦敦时间|英国时间",
    "Europe/Paris": "paris time|french time|in paris|巴黎时间",
    "Europe/Madrid": "madrid time|in madrid",
    "Europe/Rome": "rome time|in rome",
    "Europe/Zurich": "zurich time|swiss time|in zurich|苏黎世时间",
    "Europe/Moscow": "moscow time|in moscow|莫斯科时间",
    "America/New_York": "new york time|eastern time|est|edt|us eastern time|in new york|纽约时间|美东时间|美国东部时间",
    "America/Chicago": "chicago time|central time|cdt|in chicago|芝加哥时间",
    "America/Denver": "denver time|mountain time|mdt|丹佛时间",
    "America/Los_Angeles": "los angeles time|pacific time|pst|pdt|california time|in california|洛杉矶时间|美西时间",
    "America/Sao_Paulo": "sao paulo time|brasilia time|圣保罗时间",
    "Asia/Tokyo": "tokyo time|japan time|jst|in tokyo|in japan|东京时间|日本时间",
    "Asia/Seoul": "seoul time|korea time|kst|in seoul|首尔时间|韩国时间",
    "Asia/Singapore": "singapore time|in singapore|新加坡时间",
    "Asia/Hong_Kong": "hong kong time|in hong kong|香港时间",
    "Asia/Kolkata": "india time|indian time|in india|mumbai time|印度时间",
    "Asia/Dubai": "dubai time|in dubai|迪拜时间",
    "Australia/Sydney": "sydney time|aest|aedt|in sydney|悉尼时间",
    "local": "local time|my time|本地时间|当地时间",
}


def add_zone_words(lexicon: Lexicon) -> None:
    """Add the names of zones to `lexicon`."""
    for zone, names in _ZONES.items():
        lexicon.add(Kind.ZONE, zone, names.split("|"))

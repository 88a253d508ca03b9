"""Names that hold a shorter one: 张三 is not 张三丰, Ann not Ann-Marie, shop.example.org not shop.example.org.cn."""

import re

HAN_LETTERS = "\u3400-\u4dbf\u4e00-\u9fff"
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田"
    "任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    "張劉陳楊趙黃吳孫馬羅鄭謝韓馮蕭鄧許呂蘇盧蔣賈葉閻鍾譚鄒陸顧龍萬錢湯喬賀賴龔"
)
DOUBLE_SURNAMES = "欧阳|司马|诸葛|上官|夏侯|皇甫|尉迟|公孙|慕容|令狐|司徒|东方|歐陽|司馬|諸葛|東方"
# One surname has at most two letters behind it, so what is longer is no name of a person.
MAY_BE_A_NAME = re.compile(f"(?:{DOUBLE_SURNAMES})[{HAN_LETTERS}]{{1,2}}|[{SURNAMES}][{HAN_LETTERS}]{{2}}")
SHORTER_NAME = re.compile(f"(?:{DOUBLE_SURNAMES})[{HAN_LETTERS}]?|[{SURNAMES}][{HAN_LETTERS}]")
# What stands behind a name and hardly ever ends one; a place, a thing or an office ends otherwise than a person, too.
BEHIND_A_NAME = re.compile(
    "[等著编編译譯签簽男女说說曰问問答称稱的了是在与與及或也已未被将將于從从到对對由按把给給向让讓请請撰校绘繪审審摄攝饰飾印案父母妻"
    "省市县縣区區镇鎮乡鄉村路街费費率额額量值价價表单單书書版性者员員类類式器机機计計仪儀站厂廠店局部处處科室组組队隊院所会會司"
    "油酒茶色层層段级級项項件套台班号號]$|先生|女士|小姐|教授|博士|老师|老師|律师|律師|医生|主任|经理|总监|同志|院士|代表"
)
# Words that begin with what may be a surname.
WORD_LIST = """
    高速 高度 高级 高中 高分 高端 高新 高铁 高温 高压 高校 高层 高等 方案 方法 方式 方向 方程
    方便 金额 金属 金融 金牌 金华 金色 文件 文化 文字 文本 文献 文学 文章 文物 石油 石材 石英
    石墨 石灰 石家 白色 白酒 白金 白银 江苏 江西 江南 江北 江阴 黄金 黄色 黄山 黄石 周期 周边
    周年 周报 周末 周日 周一 周二 周三 周四 周五 周六 马来 马力 马达 万元 万能 万达 万科 常用
    常州 常规 常见 常委 常务 常德 武汉 武器 武术 龙头 龙井 龙岗 毛利 毛重 毛巾 田径 段落 易碎
    任务 任何 许可 许多 许昌 程序 程度 范围 康复 康佳 钟表 钱包 叶片 叶酸 罗马 罗湖 林业 林木
    何时 胡椒 苏州 苏宁 徐州 郑州 夏季 夏天 秦皇 孟加 顾客 顾问 雷达 贺州 贺卡 余额 余姚 余杭
    谢谢 张家 陈述 陈列 梁平 唐山 唐朝 宋体 宋代 宋朝 汉代 孔径 史料 史学 曾经 于是 丁烷 魏晋
    沈阳 曹妃 彭州 蔡甸 江门 汤圆 马桶 杨浦 徐汇 黎明 金山
"""
SURNAME_WORDS = frozenset(WORD_LIST.split())
DOTTED_NAME = re.compile(r"(?=.*[A-Za-z]{2})[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
DOTTED_BEFORE = re.compile(r"[A-Za-z0-9_][.-]$")
DOTTED_AFTER = re.compile(r"\.[A-Za-z0-9]")
FIRST_WORD = re.compile(r"[^\W\d_]+")
LAST_WORD = re.compile(r"[^\W\d_]+$")
HYPHENED_BEFORE = re.compile(r"(?P<word>[^\W\d_]+)[-‐‑]$")
HYPHENED_AFTER = re.compile(r"[-‐‑](?P<word>[^\W\d_]+)")
# As headlines write Beijing-Based.
SECOND_WORDS = "Based Born Led Made Owned Free Wide Related Style Like Type Area Backed Listed Level Term"
NO_NAMES = frozenset(SECOND_WORDS.split())
ARTICLE_BEFORE = re.compile(r"(?<![^\W\d_])(?:[Tt]he|[Aa]n?|THE)\s$")
# A person's name has no article before it, and no railway behind it.
CONNECTION_AFTER = re.compile(
    r"\s(?:high-speed|rail|railway|line|route|flight|flights|train|trains|border|corridor|highway|expressway|relations"
    r"|trade|talks|agreement|treaty|region|summit|war|pipeline|axis|alliance)(?![^\W\d_])",
    re.IGNORECASE,
)
MAX_NAME_CHARS = 30


def is_in_a_longer_name(text: str, start: int, end: int) -> bool:
    """Whether what stands there is a piece of a longer name, which is another's."""
    return _in_a_persons_name(text, start, end) or _in_a_dotted_name(text, start, end) or _hyphened(text, start, end)


def _in_a_persons_name(text: str, start: int, end: int) -> bool:
    """Of a Chinese person, standing by itself: 张三 in 张三丰、李四, but not in 张三等 or 张三说过."""
    quote = text[start:end]
    if len(quote) > 3 or quote in SURNAME_WORDS or not SHORTER_NAME.fullmatch(quote):
        return False
    first, last = _han_start(text, start), _han_end(text, end)
    return bool(MAY_BE_A_NAME.fullmatch(text, first, last)) and not BEHIND_A_NAME.match(text[end:last])


def _han_start(text: str, start: int) -> int:
    """Where Han letters begin, looked at as far as a name could reach."""
    reach = next((step for step in range(3) if not _is_han(text[max(0, start - step - 1) : start - step])), 3)
    return start - reach


def _han_end(text: str, end: int) -> int:
    return end + next((step for step in range(3) if not _is_han(text[end + step : end + step + 1])), 3)


def _is_han(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff" or "\u3400" <= letter <= "\u4dbf"


def _in_a_dotted_name(text: str, start: int, end: int) -> bool:
    """Of a host, a package, a file."""
    if not DOTTED_NAME.fullmatch(text, start, end):
        return False
    return bool(DOTTED_BEFORE.search(text[max(0, start - 2) : start]) or DOTTED_AFTER.match(text, end))


def _hyphened(text: str, start: int, end: int) -> bool:
    """Capitals on both sides of a hyphen make one name: Ann-Marie; Beijing-based the Beijing-Tianjin line do not."""
    before = HYPHENED_BEFORE.search(text[max(0, start - MAX_NAME_CHARS) : start])
    after = HYPHENED_AFTER.match(text, end, end + MAX_NAME_CHARS)
    first = start - len(before[0]) if before else start
    last = after.end() if after else end
    if first == start and last == end:
        return False
    if ARTICLE_BEFORE.search(text[max(0, first - 5) : first]) or CONNECTION_AFTER.match(text, last):
        return False
    own_first, own_last = (
        FIRST_WORD.match(text, start, end),
        LAST_WORD.search(text, max(start, end - MAX_NAME_CHARS), end),
    )
    is_second = before and own_first and _is_name(before["word"]) and _is_name(own_first[0])
    return bool(is_second or (after and own_last and _is_name(after["word"]) and _is_name(own_last[0])))


def _is_name(word: str) -> bool:
    return word[0].isupper() and word[1:2].islower() and word not in NO_NAMES

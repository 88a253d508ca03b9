"""Pages of words and measures: contracts, patents, reports, forms, timetables, tables of contents."""

from random import Random

from . import printed as n
from .marks import two_forms
from .money_genres import page
from .page import Heading, Item, Page, Pairs, Paragraph, Table

PEOPLE = {
    "zh": ["王建国", "李晓梅", "陈思远", "赵文博", "孙丽华", "周志强", "吴雨桐", "郑海燕"],
    "en": ["A. Whitfield", "M. Okafor", "J. Lindgren", "S. Moreau", "P. Hartley", "D. Novak", "R. Castillo"],
}
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def power(rng: Random, mantissa: str) -> str:
    """A power of ten: a PDF's text loses that its exponent is raised."""
    sign, exponent = rng.choice(["", "-"]), str(rng.choice([3, 4, 5, 6, 7, 9, 12, 15, 23]))
    mark = n.number("exponent", sign + exponent)
    raised = n.number("exponent", (sign + exponent).translate(RAISED))
    reading = rng.choice(
        [rf"${mantissa} \times 10^{{{mark}}}$", f"{mantissa}×10<sup>{mark}</sup>", f"{mantissa} × 10{raised}"]
    )
    return two_forms(f"{mantissa} × 10{sign.replace('-', '−')}{exponent}", reading)


def fraction(rng: Random) -> str:
    over, under = rng.choice([(1, 2), (3, 4), (1, 4), (2, 3), (5, 8), (3, 8), (7, 16)])
    plain = f"{over}/{under}"
    layer = rng.choice([plain, f"{over}⁄{under}", f"{over}\n{under}"])
    single = {"1/2": "½", "3/4": "¾", "1/4": "¼"}.get(plain, plain)
    if layer == plain:
        layer = rng.choice([plain, single])
    formula = n.number("fraction", rf"\frac{{{over}}}{{{under}}}")
    return two_forms(layer, rng.choice([f"${formula}$", n.number("fraction", plain)]))


def chinese_contract(rng: Random) -> Page:
    clauses = (
        f"第一条 本合同总价款为人民币{n.amount(rng, 'en')}元（大写：{n.capital(rng)}），含税率{n.percent(rng, 13, 0)}的增值税。",
        f"第二条 乙方应于{n.date(rng, 'zh')}前完成交付，逾期每日按合同总价的{n.percent(rng, 0.9, 2)}支付违约金，累计不超过{n.magnitude(rng)}元。",
        f"第三条 保证金为人民币{n.magnitude(rng)}元，质保期为{n.quantity(rng)}个月，共{n.spoken(rng)}台设备，详见第{n.page_number(rng)}页附表。",
        f"第四条 联系电话：{n.phone(rng, 'zh')}。合同编号：{n.serial(rng, 'HT', 8, 2)}。",
    )
    signed = f"签订日期：{n.date(rng, rng.choice(['zh', 'hanzi']))}"
    return page(
        rng,
        "Chinese contract",
        "zh",
        Heading("设备采购合同"),
        *(Paragraph(clause) for clause in clauses),
        Paragraph(signed),
    )


def english_contract(rng: Random) -> Page:
    clauses = (
        f"1. This Agreement is made on {n.date(rng, 'us')} between the parties named on page {n.page_number(rng)} and supersedes every earlier understanding.",
        f"2. The Buyer shall pay the Purchase Price of {n.amount(rng, sign='$')} in {n.quantity(rng)} equal instalments, with interest at {n.percent(rng, 9, 2)} per annum.",
        f"3. The aggregate liability shall not exceed {n.magnitude(rng, (' million', ' billion'))} dollars, and any deposit of {n.whole(rng)} shares is held in escrow.",
        f"4. Notices shall be given before {n.clock(rng)} on a business day to {n.phone(rng, 'en')}; this Agreement terminates on {n.date(rng, 'en')}.",
    )
    return page(rng, "contract", "en", Heading("Purchase agreement"), *(Paragraph(clause) for clause in clauses))


def lab_report(rng: Random) -> Page:
    tests = [("白细胞计数 WBC", "10^9/L"), ("红细胞计数 RBC", "10^12/L"), ("血红蛋白 HGB", "g/L"), ("血小板 PLT", "10^9/L"),
             ("谷丙转氨酶 ALT", "U/L"), ("肌酐 CREA", "μmol/L"), ("血糖 GLU", "mmol/L"), ("尿酸 UA", "μmol/L")]  # fmt: skip
    rows = tuple(
        (
            name,
            n.decimal(rng, 1, 300, rng.choice([1, 2])),
            rng.choice(["", "↑", "↓"]),
            f"{n.decimal(rng, 1, 90)}-{n.decimal(rng, 91, 400)}",
            unit,
        )
        for name, unit in tests[: rng.randint(5, 8)]
    )
    top = (("姓名", rng.choice(PEOPLE["zh"])), ("年龄", f"{n.number('count', str(rng.randint(21, 88)))}岁"), ("病历号", n.serial(rng, "", 9, 2)),
           ("采样时间", f"{n.date(rng, 'iso')} {n.clock(rng)}"))  # fmt: skip
    return page(
        rng,
        "lab report",
        "zh",
        Heading("检验报告单"),
        Pairs(top),
        Table(("项目", "结果", "提示", "参考范围", "单位"), rows),
    )


def patent(rng: Random) -> Page:
    parts = [
        f"{word} ({n.number('count', str(rng.randint(101, 480)))})"
        for word in ("housing", "rotor", "bearing", "shaft", "seal")
    ]
    texts = (
        f"Referring to FIG. {n.quantity(rng, 9)}, the {parts[0]} encloses the {parts[1]} and the {parts[2]}, the gap being between {n.decimal(rng, 0.1, 0.9, 2)} mm and "
        f"{n.decimal(rng, 1, 4, 2)} mm, preferably {n.decimal(rng, 0.9, 1, 3)} mm, as was described in the application filed on {n.date(rng, 'us')}.",
        f"In one embodiment the {parts[3]} rotates at {n.whole(rng)} rpm while the {parts[4]} is kept at a temperature of {n.decimal(rng, 20, 90)} °C; the alloy comprises "
        f"{n.percent(rng, 30, 1)} nickel by weight and a {fraction(rng)} inch thread is provided at either end of the assembly for installation.",
    )
    top = (
        ("Patent No.", n.number("serial", f"US {rng.randint(6, 11)},{n.digits(rng, 3)},{n.digits(rng, 3)} B2")),
        ("Appl. No.", n.serial(rng, "16/", 6)),
    )
    return page(rng, "patent", "en", Heading("ROTARY ASSEMBLY"), Pairs(top), *(Paragraph(text) for text in texts))


def statistics(rng: Random) -> Page:
    years = [str(year) for year in range(2020, 2020 + rng.randint(3, 5))]
    style = rng.choice(["en", "fr", "plain"])
    rows = tuple(
        (region, n.quantity(rng, 9), *(n.whole(rng, style, 300, 90000) for _ in years))
        for region in rng.sample(["North", "South", "East", "West", "Central", "Islands", "Capital"], rng.randint(4, 6))
    )
    return page(rng, "table of statistics", "en", Heading("Table: households by region"), Table(("Region", "Class", *years), rows, "Households, end of year"),
                Paragraph(f"The total rose by {n.percent(rng, 12)} in the last year and by {n.percent(rng, 30)} since the census of {n.date(rng, 'en')}."))  # fmt: skip


def science(rng: Random) -> Page:
    first = rng.choice(
        [two_forms("CO2", r"$\mathrm{CO}_2$"), two_forms("H2O", "H₂O"), two_forms("x2 + y2", "$x^2 + y^2$"), "the flux"]
    )
    about = two_forms("±", rng.choice(["±", r"$\pm$"]))
    texts = (
        f"The rate constant of {first} was {power(rng, n.decimal(rng, 1, 9.9, 2))} per second, against {power(rng, n.decimal(rng, 1, 9.9, 1))} in the earlier simplification.",
        f"We measured {n.whole(rng, 'en', 1000, 80000)} samples at {n.decimal(rng, 270, 330, 2)} K and {n.decimal(rng, 0.9, 4, 3)} bar; the specific coefficient fell "
        f"to {n.decimal(rng, 0.1, 9, 3, sign='−')} with an uncertainty of {about} {n.decimal(rng, 0.01, 0.09, 2)}, that is {n.percent(rng, 9)}.",
        f"A share of {fraction(rng)} of the energy is lost, as defined on page {n.page_number(rng)}; the slope is {n.decimal(rng, 2, 60, 1, sign='−')} per unit.",
    )
    return page(rng, "scientific text", "en", Heading("Results"), *(Paragraph(text) for text in texts))


def timetable(rng: Random) -> Page:
    stops = {
        "zh": ["北京南", "天津西", "济南西", "南京南", "苏州北", "上海虹桥"],
        "en": ["Ashford", "Brighton", "Crawley", "Dorking", "Eastleigh", "Fareham"],
    }
    language = rng.choice(["zh", "en"])
    rows = tuple(
        (stop, n.clock(rng), n.clock(rng), n.quantity(rng, 16)) for stop in stops[language][: rng.randint(4, 6)]
    )
    head = {"zh": ("车站", "到达", "开车", "站台"), "en": ("Station", "Arr.", "Dep.", "Platform")}[language]
    word = {"zh": "车次", "en": "Train"}[language]
    return page(rng, "timetable", language, Heading({"zh": "列车时刻表", "en": "Weekday timetable"}[language]),
                Pairs(((word, n.serial(rng, "G", 4)), ({"zh": "执行日期", "en": "Valid from"}[language], n.date(rng, "iso")))), Table(head, rows))  # fmt: skip


def address_list(rng: Random) -> Page:
    language = rng.choice(["zh", "en"])
    if language == "zh":
        rows = tuple((name, f"文三路{n.number('count', str(rng.randint(11, 999)))}号{n.quantity(rng)}幢", n.serial(rng, "", 6, 1), n.phone(rng, "zh"))
                     for name in rng.sample(PEOPLE["zh"], rng.randint(3, 6)))  # fmt: skip
        return page(rng, "address list", "zh", Heading("通讯录"), Table(("姓名", "地址", "邮编", "电话"), rows))
    rows = tuple((name, f"{n.number('count', str(rng.randint(11, 9999)))} Oak Street", n.serial(rng, "", 5, 1), n.phone(rng, "en"))
                 for name in rng.sample(PEOPLE["en"], rng.randint(3, 6)))  # fmt: skip
    return page(rng, "address list", "en", Heading("Directory"), Table(("Name", "Street", "ZIP", "Phone"), rows))


def serial_list(rng: Random) -> Page:
    rows = tuple(
        (
            n.serial(rng, "", 5, 3),
            n.serial(rng, rng.choice(["SN", "MX-", "B"]), 9, 1),
            n.date(rng, "iso"),
            n.quantity(rng),
        )
        for _ in range(rng.randint(5, 9))
    )
    return page(
        rng,
        "serial numbers",
        "en",
        Heading("Asset register"),
        Table(("Asset", "Serial number", "Acquired", "Room"), rows),
    )


def spec_sheet(rng: Random) -> Page:
    resistance = n.number("magnitude", f"{rng.uniform(1, 90):.1f} {rng.choice(['k', 'M'])}Ω")
    dose = n.number("magnitude", f"{rng.uniform(1, 90):.1f} {rng.choice(['mg', 'µg'])}")
    firmware = n.number("serial", f"{rng.randint(1, 9)}.{rng.randint(1, 19)}.{rng.randint(0, 9)}")
    cold, warm = n.number("count", f"−{rng.randint(15, 40)}"), n.number("count", str(rng.randint(50, 95)))
    pairs = (
        ("Supply voltage", f"{n.decimal(rng, 1, 24)} V ± {n.percent(rng, 9, 1)}"), ("Resistance", resistance), ("Dose", dose),
        ("Weight", f"{n.decimal(rng, 0.2, 40, 3)} kg"), ("Operating temperature", f"{cold} to {warm} °C"), ("Firmware", f"v{firmware}"),
        ("Speed", f"{n.whole(rng)} rpm"), ("Thread", f"{fraction(rng)} in"), ("Model", n.serial(rng, "TX", 5, 1)),
        ("Lifetime", f"{power(rng, n.decimal(rng, 1, 9))} cycles"),
    )  # fmt: skip
    return page(rng, "spec sheet", "en", Heading("Technical data"), Pairs(tuple(rng.sample(pairs, rng.randint(6, 9)))))


def form(rng: Random) -> Page:
    language = rng.choice(["zh", "en"])
    if language == "zh":
        top = (
            ("申请人", rng.choice(PEOPLE["zh"])),
            ("身份证号", n.serial(rng, "330106", 12)),
            ("出生日期", n.date(rng, "zh")),
            ("手机", n.phone(rng, "zh")),
        )
        boxes = (
            "有限责任公司",
            "个体工商户",
            f"从业人数不超过{n.number('count', str(rng.randint(21, 300)))}人",
            f"注册资本{n.magnitude(rng)}元以上",
        )
        note = f"填表人：{rng.choice(PEOPLE['zh'])}　{n.date(rng, 'hanzi')}"
    else:
        top = (
            ("Applicant", rng.choice(PEOPLE["en"])),
            ("Social security no.", n.serial(rng, "", 9, 1)),
            ("Date of birth", n.date(rng, "slashes")),
            ("Phone", n.phone(rng, "en")),
        )
        boxes = (
            "Married",
            "Full time student",
            f"Income above {n.amount(rng, sign='$')}",
            f"More than {n.quantity(rng)} dependants",
        )
        note = f"Office use: received {n.date(rng, 'en')} at {n.clock(rng)}"
    return page(rng, "form", language, Heading({"zh": "登记申请表", "en": "Application form"}[language]), Pairs(top),
                *(Item(box, rng.random() < 0.5) for box in boxes), Paragraph(note))  # fmt: skip


def annual_report(rng: Random) -> Page:
    texts = (
        f"报告期内，公司实现营业收入{n.magnitude(rng)}元，同比增长{n.percent(rng, 60, 2)}；归属于上市公司股东的净利润{n.magnitude(rng)}元，同比下降{n.percent(rng, 20, 2)}。",
        f"截至{n.date(rng, 'zh')}，公司员工总数{n.whole(rng, 'en')}人，研发投入占比{n.percent(rng, 20, 2)}，拥有专利{n.number('count', str(rng.randint(120, 990)))}项。",
        f"每股收益{n.decimal(rng, 0.1, 3, 2)}元，拟每{n.spoken(rng)}股派发现金红利{n.decimal(rng, 1, 9, 2)}元（含税），详见第{n.page_number(rng)}页。",
    )
    return page(rng, "annual report", "zh", Heading("经营情况讨论与分析"), *(Paragraph(text) for text in texts))


def contents(rng: Random) -> Page:
    language = rng.choice(["zh", "en"])
    titles = {"zh": ["公司简介", "主要财务指标", "管理层讨论", "重要事项", "股份变动", "公司治理", "财务报告"],
              "en": ["Introduction", "Materials", "Methods", "Measurements", "Discussion", "Conclusions", "Index"]}[language]  # fmt: skip
    rows = tuple((f"{at}", title, n.page_number(rng)) for at, title in enumerate(titles[: rng.randint(5, 7)], 1))
    return page(
        rng,
        "table of contents",
        language,
        Heading({"zh": "目录", "en": "Contents"}[language]),
        Table(("", "", ""), rows),
    )


def recipe(rng: Random) -> Page:
    lines = tuple(
        Item(f"{fraction(rng)} {unit} {what}")
        for unit, what in (("cup", "flour"), ("tsp", "salt"), ("inch", "ginger"), ("cup", "milk"))
    )
    text = f"Serves {n.quantity(rng)}. Bake for {n.number('count', str(rng.randint(25, 90)))} minutes at {n.number('count', str(rng.randint(150, 250)))} °C, then rest until {n.clock(rng)}."
    return page(
        rng,
        "recipe",
        "en",
        Heading("Ginger bread"),
        *lines,
        Paragraph(text),
        Pairs((("Energy", f"{n.whole(rng)} kJ"), ("Fat", f"{n.decimal(rng, 1, 30)} g"))),
    )


def ordinance(rng: Random) -> Page:
    texts = (
        f"Die Gebühr beträgt {n.amount(rng, 'de')} Euro je angefangene {n.number('count', str(rng.randint(11, 90)))} Quadratmeter; ab dem {n.date(rng, 'de')} erhöht sie sich um {n.percent(rng, 9, 1, ' ', comma=True)}.",
        f"Für Grundstücke mit mehr als {n.whole(rng, 'de')} Quadratmetern gilt ein Zuschlag von {n.decimal(rng, 1, 9, 2, comma=True)} Euro, siehe Seite {n.page_number(rng)}.",
        f"Auskunft erteilt die Verwaltung werktags bis {n.clock(rng)} Uhr unter {n.phone(rng, 'de')}, Aktenzeichen {n.serial(rng, 'AZ-', 7, 2)}.",
    )
    return page(rng, "German ordinance", "de", Heading("Gebührenordnung"), *(Paragraph(text) for text in texts))


TEXT_GENRES = (
    chinese_contract, english_contract, lab_report, patent, statistics, science, timetable, address_list, serial_list,
    spec_sheet, form, annual_report, contents, recipe, ordinance,
)  # fmt: skip

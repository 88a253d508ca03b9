"""Pages full of money: invoices, statements, balance sheets, price lists, receipts."""

from random import Random

from . import printed as n
from .page import Block, Heading, Page, Pairs, Paragraph, Table

GOODS = {
    "zh": [
        "轴承",
        "联轴器",
        "办公椅",
        "打印纸",
        "激光打印机",
        "网线",
        "显示器",
        "电源适配器",
        "不锈钢管",
        "茶叶礼盒",
        "绿茶",
        "劳保手套",
        "硒鼓",
        "键盘",
    ],
    "en": [
        "Bearing",
        "Desk lamp",
        "Office chair",
        "Paper A4",
        "Toner cartridge",
        "HDMI cable",
        "Monitor arm",
        "Steel pipe",
        "Green tea",
        "Gloves",
    ],
    "de": [
        "Kugellager",
        "Schreibtisch",
        "Drucker",
        "Kabelkanal",
        "Dichtung",
        "Schraubensatz",
        "Stahlrohr",
        "Bürostuhl",
        "Grüntee",
        "Netzteil",
    ],
    "fr": [
        "Roulement",
        "Chaise",
        "Imprimante",
        "Câble réseau",
        "Joint torique",
        "Lampe",
        "Thé vert",
        "Gants",
        "Écran",
        "Clavier",
    ],
}
COMPANIES = {
    "zh": ["杭州云杉科技有限公司", "上海恒达贸易有限公司", "深圳市南山精密仪器厂", "成都蓝海物流有限公司"],
    "en": ["Northfield Supply Inc.", "Harbor Office Products", "Lindqvist Bros. Ltd.", "Green Valley Trading"],
    "de": ["Müller Maschinenbau GmbH", "Stahlhandel Weiß KG", "Bäckerei Schröder", "Nordlicht Elektrotechnik AG"],
    "fr": ["Société Générale d'Outillage", "Établissements Lefèvre", "Atelier du Marché", "Papeterie Centrale"],
}


def some(rng: Random, language: str, count: int) -> list[str]:
    return rng.sample(GOODS[language], count)


def page(rng: Random, genre: str, language: str, *blocks: Block) -> Page:
    at, of = rng.randint(1, 9), rng.randint(9, 24)
    footer = {
        "zh": f"第 {at} 页 共 {of} 页",
        "en": f"Page {at} of {of}",
        "de": f"Seite {at} von {of}",
        "fr": f"Page {at} sur {of}",
    }[language]
    above = rng.choice(COMPANIES[language]) + rng.choice(["", "", " 2024", " Rev. 3"])
    return Page(genre, language, blocks, above, rng.choice([footer, f"- {at} -", str(at)]))


def vat_invoice(rng: Random) -> Page:
    rows = tuple(
        (good, rng.choice(["个", "箱", "台", "件"]), n.quantity(rng), n.amount(rng, "plain", 5, 900),
         n.amount(rng, "plain", 50, 9000), n.number("percent", rng.choice(["13%", "9%", "6%"])), n.amount(rng, "plain", 3, 900))
        for good in some(rng, "zh", rng.randint(3, 6))
    )  # fmt: skip
    head = ("货物名称", "单位", "数量", "单价", "金额", "税率", "税额")
    top = (("发票代码", n.serial(rng, "", 12, 1)), ("发票号码", n.serial(rng, "", 8, 2)), ("开票日期", n.date(rng, "zh")),
           ("购买方", rng.choice(COMPANIES["zh"])), ("纳税人识别号", n.serial(rng, "91330106MA", 7)))  # fmt: skip
    total = f"价税合计（大写）{n.capital(rng)} （小写）{n.amount(rng, 'plain', sign='¥')}"
    return page(rng, "Chinese VAT invoice", "zh", Heading("增值税专用发票"), Pairs(top), Table(head, rows), Paragraph(total),
                Pairs((("开户行及账号", f"工商银行 {n.card(rng)}"), ("电话", n.phone(rng, "zh")))))  # fmt: skip


def us_invoice(rng: Random) -> Page:
    rows = tuple(
        (good, n.quantity(rng), n.amount(rng, "en", 3, 800, "$"), n.amount(rng, "en", 30, 9000, "$"))
        for good in some(rng, "en", rng.randint(3, 6))
    )
    top = (("Invoice No.", n.serial(rng, "INV-", 6, 2)), ("Date", n.date(rng, rng.choice(["us", "slashes"]))),
           ("Due", n.date(rng, "us")), ("Phone", n.phone(rng, "en")))  # fmt: skip
    sums = (("Subtotal", n.amount(rng, sign="$")), (f"Tax ({n.percent(rng, 10, 2)})", n.amount(rng, sign="$")),
            ("Discount", n.amount(rng, high=400, sign="-$")), ("Total due", n.amount(rng, sign="$")))  # fmt: skip
    return page(
        rng,
        "US invoice",
        "en",
        Heading("INVOICE"),
        Pairs(top),
        Table(("Item", "Qty", "Unit price", "Amount"), rows),
        Pairs(sums),
    )


def german_invoice(rng: Random) -> Page:
    rows = tuple(
        (str(at), good, f"{n.quantity(rng)} Stk.", n.amount(rng, "de", 3, 800), n.amount(rng, "de", 30, 9000))
        for at, good in enumerate(some(rng, "de", rng.randint(3, 6)), 1)
    )
    top = (("Rechnungsnummer", n.serial(rng, "RE-", 7, 1)), ("Rechnungsdatum", n.date(rng, rng.choice(["dots", "de"]))),
           ("Kundennummer", n.serial(rng, "", 6, 1)))  # fmt: skip
    sums = (("Nettobetrag", f"{n.amount(rng, 'de')} €"), (f"zzgl. {n.number('percent', '19 %')} MwSt.", f"{n.amount(rng, 'de')} €"),
            ("Gesamtbetrag", f"{n.amount(rng, 'de')} €"))  # fmt: skip
    return page(rng, "German invoice", "de", Heading("Rechnung"), Pairs(top), Table(("Pos.", "Bezeichnung", "Menge", "Einzelpreis", "Betrag"), rows),
                Pairs(sums), Paragraph(f"Zahlbar ohne Abzug bis zum {n.date(rng, 'dots')} auf das Konto IBAN {n.iban(rng)}. Tel. {n.phone(rng, 'de')}"))  # fmt: skip


def french_invoice(rng: Random) -> Page:
    rows = tuple(
        (good, n.quantity(rng), n.amount(rng, "fr", 3, 800), n.amount(rng, "fr", 1000, 90000))
        for good in some(rng, "fr", rng.randint(3, 6))
    )
    sums = (("Total HT", f"{n.amount(rng, 'fr')} €"), (f"TVA {n.number('percent', rng.choice(['20 %', '5,5 %']))}", f"{n.amount(rng, 'fr')} €"),
            ("Total TTC", f"{n.amount(rng, 'fr')} €"))  # fmt: skip
    top = (("Facture n°", n.serial(rng, "F", 7, 2)), ("Date", n.date(rng, "fr")), ("Téléphone", n.phone(rng, "fr")))
    return page(
        rng,
        "French invoice",
        "fr",
        Heading("Facture"),
        Pairs(top),
        Table(("Désignation", "Qté", "Prix unitaire", "Montant"), rows),
        Pairs(sums),
    )


def english_statement(rng: Random) -> Page:
    said = ["Card payment", "Direct debit", "Salary", "Cash withdrawal", "Refund", "Transfer to savings", "Insurance"]
    rows = tuple(
        (
            n.date(rng, "iso"),
            rng.choice(said),
            n.amount(rng, "en", 5, 4000, rng.choice(["-", "", "()"])),
            n.amount(rng, "en", 900, 50000),
        )
        for _ in range(rng.randint(4, 8))
    )
    top = (
        ("Account", n.serial(rng, "", 10, 2)),
        ("Opening balance", n.amount(rng)),
        ("Closing balance", n.amount(rng)),
    )
    return page(
        rng,
        "bank statement",
        "en",
        Heading("Statement of account"),
        Pairs(top),
        Table(("Date", "Description", "Amount", "Balance"), rows),
    )


def chinese_statement(rng: Random) -> Page:
    rows = tuple(
        (n.date(rng, "iso"), n.clock(rng), rng.choice(["网上支付", "工资", "转账", "利息", "柜台取现"]),
         n.amount(rng, "en", 5, 9000, rng.choice(["-", "", "+"])), n.amount(rng, "en", 900, 80000))
        for _ in range(rng.randint(4, 8))
    )  # fmt: skip
    top = (("户名", rng.choice(["王建国", "李晓梅", "陈思远"])), ("账号", n.card(rng)), ("打印日期", n.date(rng, "zh")))
    return page(
        rng,
        "Chinese bank statement",
        "zh",
        Heading("个人账户交易明细"),
        Pairs(top),
        Table(("日期", "时间", "摘要", "发生额", "余额"), rows),
    )


def price_list(rng: Random) -> Page:
    rows = tuple(
        (
            n.serial(rng, "", 5, 2),
            good,
            f"{n.decimal(rng, 0.2, 9, 3)}kg",
            n.amount(rng, "en", 12, 4000, "¥"),
            n.percent(rng, 30, 0),
        )
        for good in some(rng, "zh", rng.randint(4, 8))
    )
    note = f"以上价格自{n.date(rng, 'zh')}起执行，满{n.whole(rng, 'plain', 1000, 9000)}元可享优惠，客服电话{n.phone(rng, 'zh')}。"
    return page(
        rng,
        "price list",
        "zh",
        Heading("产品价格表"),
        Table(("货号", "品名", "净重", "单价", "折扣"), rows, "二季度价目"),
        Paragraph(note),
    )


def order_list(rng: Random) -> Page:
    rows = tuple(
        (str(at), good, n.quantity(rng), n.quantity(rng))
        for at, good in enumerate(some(rng, "en", rng.randint(5, 9)), 1)
    )
    top = (("Order", n.serial(rng, "PO", 6, 2)), ("Delivery", n.date(rng, "en")), ("Pallets", n.quantity(rng)))
    return page(
        rng,
        "order list",
        "en",
        Heading("Packing list"),
        Pairs(top),
        Table(("No.", "Article", "Ordered", "Shipped"), rows),
    )


def exchange_rates(rng: Random) -> Page:
    names = ["美元 USD", "欧元 EUR", "日元 JPY", "英镑 GBP", "港币 HKD", "瑞士法郎 CHF", "澳元 AUD"]
    rows = tuple((name, *(n.decimal(rng, 0.04, 9.9, 4) for _ in range(3))) for name in names[: rng.randint(4, 7)])
    text = f"报价时间 {n.date(rng, 'iso')} {n.clock(rng)}，中间价较上一交易日变动 {n.percent(rng, 2, 2)}。"
    return page(
        rng,
        "exchange rates",
        "zh",
        Heading("外汇牌价"),
        Paragraph(text),
        Table(("币种", "买入价", "卖出价", "中间价"), rows),
    )


def balance_sheet(rng: Random) -> Page:
    names = [
        "Inventories",
        "Trade receivables",
        "Deferred tax",
        "Other losses",
        "Retained earnings",
        "Share capital",
        "Provisions",
    ]
    rows = tuple(
        (
            name,
            n.quantity(rng),
            n.whole(rng, "en", 1000, 900000, rng.choice(["", "", "()"])),
            n.whole(rng, "en", 1000, 900000, rng.choice(["", "()"])),
        )
        for name in names[: rng.randint(4, 7)]
    )
    text = (f"Net finance cost was {n.magnitude(rng, (' million', ' billion'))} dollars, {n.percent(rng)} of revenue; the loss per share "
            f"was {n.amount(rng, 'en', 1, 9, '()')}. See note on page {n.page_number(rng)}.")  # fmt: skip
    return page(
        rng,
        "balance sheet",
        "en",
        Heading("Consolidated balance sheet"),
        Table(("USD thousand", "Note", "2024", "2023"), rows),
        Paragraph(text),
    )


def payslip(rng: Random) -> Page:
    names = ["Grundgehalt", "Überstunden", "Lohnsteuer", "Krankenversicherung", "Rentenversicherung", "Vorschuss"]
    rows = tuple(
        (n.serial(rng, "", 4, 1), name, n.amount(rng, "de", 50, 5000, rng.choice(["", "trailing"])))
        for name in names[: rng.randint(4, 6)]
    )
    top = (
        ("Personalnummer", n.serial(rng, "", 8, 3)),
        ("Eintritt", n.date(rng, "dots")),
        ("Stunden", n.decimal(rng, 120, 180, 2, comma=True)),
    )
    return page(rng, "German payslip", "de", Heading("Entgeltabrechnung"), Pairs(top), Table(("Lohnart", "Bezeichnung", "Betrag"), rows),
                Pairs((("Auszahlungsbetrag", f"{n.amount(rng, 'de', 900, 5000)} EUR"), ("IBAN", n.iban(rng)))))  # fmt: skip


def swiss_bill(rng: Random) -> Page:
    rows = tuple(
        (n.date(rng, "dots"), good, n.quantity(rng), n.amount(rng, "ch", 1100, 30000))
        for good in some(rng, "de", rng.randint(3, 6))
    )
    sums = (
        ("Total CHF", n.amount(rng, "ch", 5000)),
        ("Referenz", n.serial(rng, "", 16, 2)),
        (f"MWST {n.number('percent', '8.1%')}", n.amount(rng, "ch", 30, 900)),
    )
    return page(
        rng,
        "Swiss bill",
        "de",
        Heading("Zahlteil"),
        Table(("Datum", "Leistung", "Anzahl", "Betrag"), rows),
        Pairs(sums),
    )


def receipt(rng: Random) -> Page:
    language = rng.choice(["zh", "en"])
    sign = {"zh": "¥", "en": "$"}[language]
    rows = tuple(
        (good, f"x{n.quantity(rng, 9)}", n.amount(rng, "plain", 2, 300, sign))
        for good in some(rng, language, rng.randint(3, 7))
    )
    words = {
        "zh": ("小票号", "时间", "合计", "找零", "会员卡"),
        "en": ("Receipt", "Time", "TOTAL", "Change", "Member"),
    }[language]
    top = ((words[0], n.serial(rng, "", 6, 2)), (words[1], f"{n.date(rng, 'iso')} {n.clock(rng)}"))
    sums = (
        (words[2], n.amount(rng, "plain", 20, 900, sign)),
        (words[3], n.amount(rng, "plain", 1, 50, sign)),
        (words[4], n.serial(rng, "", 9, 3)),
    )
    head = {"zh": ("商品", "数量", "金额"), "en": ("Item", "Qty", "Amount")}[language]
    return page(
        rng,
        "receipt",
        language,
        Heading({"zh": "购物小票", "en": "Thank you for shopping"}[language]),
        Pairs(top),
        Table(head, rows),
        Pairs(sums),
    )


MONEY_GENRES = (
    vat_invoice, us_invoice, german_invoice, french_invoice, english_statement, chinese_statement, price_list, order_list,
    exchange_rates, balance_sheet, payslip, swiss_bill, receipt,
)  # fmt: skip

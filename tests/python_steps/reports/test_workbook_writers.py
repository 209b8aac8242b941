"""The fast writer and plain openpyxl give the same workbook; the fast one's file is well-formed."""

from __future__ import annotations

import dataclasses
import io
import re
import zipfile
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from openpyxl import load_workbook

from python_steps.policy import FirmPolicy
from python_steps.reports.archive import archive_bytes, part
from python_steps.reports.book_workbook import BookReportFrames, book_sheets
from python_steps.reports.household_workbook import household_sheets
from python_steps.reports.layout import Column, SheetLayout, TableLayout
from python_steps.reports.plain_workbook import plain_workbook_bytes
from python_steps.reports.report_frames import HouseholdReportFrames
from python_steps.reports.sheet_builder import ChartPlan, Link, Series, Sheet, SheetBuilder
from python_steps.reports.skeletons import Template, shape_of, skeleton_of
from python_steps.reports.styles import style_book
from python_steps.reports.texts import texts_for
from python_steps.reports.workbook_writer import workbook_bytes
from python_steps.reports.worksheet_set_up import DocumentFacts, document_set_up
from tests.python_steps.reports import made_frames
from tests.python_steps.reports.made_frames import AS_OF, Rows, bare_household, busy_household
from tests.python_steps.reports.test_book_workbook import book as whole_book

TEXTS = texts_for("en")
HARD_TEXTS = (
    "=1+1",
    "+1-2",
    "-cmd|' /C calc'!A0",
    "@SUM(A1)",
    "  =HYPERLINK(0)",
    "\t=1",
    "＝１＋１",
    "a\x00b\x0bc\x1f\ufffe",
    "_x0041_ is not A",
    "<b>&amp;\"'</b>]]>",
    " leading and trailing ",
    "two\nlines\r\nand\ra third",
    "عائلة الأحمدي للثقة",
    "משפחת כהן",
    "再平衡 家庭信托",
    "👩‍👩‍👧‍👦 family 🏦",
    "x" * 40_000,
    "🏦" * 20_000,
    "",
)

BOOK_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
# ECMA-376 part 1, 18.3.1.99: the order in which Excel demands the parts of a worksheet.
ELEMENT_ORDER = (
    "sheetPr",
    "dimension",
    "sheetViews",
    "sheetFormatPr",
    "cols",
    "sheetData",
    "sheetProtection",
    "autoFilter",
    "mergeCells",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "printOptions",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "rowBreaks",
    "drawing",
)


def household(rows: Rows, household_id: str = "H-GARCIA") -> tuple[list[Sheet], DocumentFacts]:
    frames = HouseholdReportFrames.from_tables(
        household_id, made_frames.tables(rows), firm_policy=FirmPolicy()
    )
    sheets, facts, _ = household_sheets(frames)
    return sheets, facts


def garcia() -> tuple[list[Sheet], DocumentFacts]:
    return household(busy_household())


def bare() -> tuple[list[Sheet], DocumentFacts]:
    return household(bare_household("H-1"), "H-1")


def withheld() -> tuple[list[Sheet], DocumentFacts]:
    rows = bare_household("H-1")
    rows["dim_households"][0] |= {"household_state": "withheld", "state_reason": "Basis is gone."}
    return household(rows, "H-1")


def two_portfolios() -> tuple[list[Sheet], DocumentFacts]:
    rows = busy_household()
    for mart in ("fct_household_drift", "fct_drift_summary", "fct_allocation_comparison"):
        rows[mart] += [row | {"allocation_group_id": "G2 & <co>"} for row in rows[mart]]
    return household(rows)


def hard_texts() -> tuple[list[Sheet], DocumentFacts]:
    rows = busy_household()
    rows["dim_households"][0] |= {"household_name": '=A1 & "Söhne" <&P> 2026 عائلة 🏦 ' * 20}
    exception = rows["fct_trade_exceptions"][0]
    rows["fct_trade_exceptions"] = [
        exception | {"subject": text, "rationale": text, "account_id": None} for text in HARD_TEXTS
    ]
    return household(rows)


def without_lots() -> tuple[list[Sheet], DocumentFacts]:
    rows = busy_household()
    rows["fct_tax_lots"] = []
    return household(rows)


def five_thousand_lots() -> tuple[list[Sheet], DocumentFacts]:
    rows = busy_household()
    lot = rows["fct_tax_lots"][0]
    rows["fct_tax_lots"] = [
        lot | {"lot_id": f"L-{number:05}", "quantity": Decimal(number) / 8}
        for number in range(5_000)
    ]
    return household(rows)


def book() -> tuple[list[Sheet], DocumentFacts]:
    frames = BookReportFrames.from_tables(AS_OF, made_frames.tables(whole_book()))
    sheets, facts, _ = book_sheets(frames, "en")
    return sheets, facts


def own_sheets() -> tuple[list[Sheet], DocumentFacts]:
    """What no household has yet: choices, links of both sorts, a chart below zero with gaps."""
    layout = SheetLayout(
        "drift",
        (TableLayout("drift", (Column("group", "text", 10), Column("amount", "money", 12))),),
    )
    builder = SheetBuilder(layout, TEXTS, style_book())
    builder.title("Title", "Subtitle")
    place = builder.table(
        layout.tables[0],
        [
            {"group": Link("out & away", "ADV%201/a&b.xlsx"), "amount": Decimal("-1.005")},
            {"group": Link("in", "'Drift'!A1", is_inside=True), "amount": None},
            {"group": Link('"out" again', "x/y's.xlsx"), "amount": Decimal(0)},
        ],
        empty="",
        total={"group": "Total", "amount": Decimal("-1.005")},
    )
    builder.choices(f"A{place.first_row}:A{place.last_row}", ("Approve", "Reject & tell"))
    builder.choices("B1", ("One",))
    builder.chart(
        ChartPlan(
            "Chart <&>",
            "'Drift'!$A$5:$A$7",
            ("a & b", "c", "=d"),
            (
                Series(
                    "Before", "'Drift'!$B$5:$B$7", (Decimal("-0.1"), None, Decimal(0)), "112233"
                ),
                Series("After", "'Drift'!$B$5:$B$7", (None, None, None), "445566"),
            ),
            "B12",
            20.0,
            9.0,
        )
    )
    sheet = builder.finished()
    sheet.page_starts = (11,)
    other = dataclasses.replace(
        sheet, name="O'Neil & Co", charts=[], page_starts=(), merges=["A1:B1"], filter_cells=None
    )
    return [sheet, other], DocumentFacts("T & T", "Header & <x>", AS_OF)


CASES = (
    garcia,
    bare,
    withheld,
    two_portfolios,
    hard_texts,
    without_lots,
    five_thousand_lots,
    book,
    own_sheets,
)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.__name__)
def both(request) -> tuple[bytes, bytes]:
    sheets, facts = request.param()
    return workbook_bytes(sheets, facts, TEXTS), plain_workbook_bytes(sheets, facts, TEXTS)


def cells_of(worksheet: Any) -> dict[str, Any]:
    looks: dict[int, str] = {}

    def look(cell: Any) -> str:
        if cell.style_id not in looks:
            parts = (cell.number_format, cell.font, cell.fill, cell.border, cell.alignment)
            looks[cell.style_id] = f"{parts!r} {cell._style.quotePrefix}"
        return looks[cell.style_id]

    return {
        cell.coordinate: (
            cell.value,
            cell.data_type,
            look(cell),
            cell.hyperlink and (cell.hyperlink.target, cell.hyperlink.location),
        )
        for line in worksheet.iter_rows()
        for cell in line
    }


def set_up_of(worksheet: Any) -> dict[str, Any]:
    return {
        "widths": {letter: d.width for letter, d in worksheet.column_dimensions.items()},
        "heights": {row: d.height for row, d in worksheet.row_dimensions.items()},
        "merges": sorted(str(cells) for cells in worksheet.merged_cells.ranges),
        "filter": worksheet.auto_filter.ref,
        "choices": [
            (str(d.sqref), d.type, d.formula1, d.allow_blank, d.showErrorMessage)
            for d in worksheet.data_validations.dataValidation
        ],
        "freeze": worksheet.freeze_panes,
        "view": (worksheet.sheet_view.showGridLines, worksheet.sheet_view.zoomScale),
        "tab": worksheet.sheet_properties.tabColor.rgb,
        "fit": worksheet.sheet_properties.pageSetUpPr.fitToPage,
        "page": {
            name: getattr(worksheet.page_setup, name)
            for name in ("orientation", "paperSize", "scale", "fitToWidth", "fitToHeight")
        },
        "margins": dict(worksheet.page_margins),
        "print": (worksheet.print_area, worksheet.print_title_rows),
        "breaks": [(one.id, one.max, one.man) for one in worksheet.row_breaks.brk],
        "header": [
            (part.left.text, part.center.text, part.right.text)
            for part in (worksheet.oddHeader, worksheet.oddFooter)
        ],
        "extent": worksheet.dimensions,
    }


def test_both_writers_give_equal_cells(both):
    fast, plain = (load_workbook(io.BytesIO(content)) for content in both)
    assert fast.sheetnames == plain.sheetnames
    for name in fast.sheetnames:
        assert cells_of(fast[name]) == cells_of(plain[name]), name


def test_both_writers_give_equal_set_up(both):
    fast, plain = (load_workbook(io.BytesIO(content)) for content in both)
    for name in fast.sheetnames:
        assert set_up_of(fast[name]) == set_up_of(plain[name]), name
    told = [
        {
            name: getattr(book.properties, name)
            for name in ("title", "subject", "creator", "created")
        }
        for book in (fast, plain)
    ]
    assert told[0] == told[1]


def charts_and_drawings(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name: ET.canonicalize(archive.read(name).decode("utf-8"))
            for name in archive.namelist()
            if re.match(r"xl/(charts|drawings)/", name)
        }


def test_both_writers_give_equal_charts_with_their_cached_values(both):
    fast, plain = (charts_and_drawings(content) for content in both)
    assert fast == plain


def test_the_named_ranges_are_equal(both):
    def names(content: bytes) -> str:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            root = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - our own
        found = root.find(f"{BOOK_MAIN}definedNames")
        assert found is not None
        return "\n".join(sorted(f"{one.attrib} {one.text}" for one in found))

    fast, plain = (names(content) for content in both)
    assert fast == plain


def test_elements_stand_in_the_order_that_excel_demands(both):
    with zipfile.ZipFile(io.BytesIO(both[0])) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                root = ET.fromstring(archive.read(name))  # noqa: S314 - our own
                places = [ELEMENT_ORDER.index(one.tag.removeprefix(BOOK_MAIN)) for one in root]
                assert places == sorted(set(places)), name


def test_every_part_has_its_type_and_every_relationship_its_part(both):
    with zipfile.ZipFile(io.BytesIO(both[0])) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(set(names)) == len(names)
        types = archive.read("[Content_Types].xml").decode()
        listed = set(re.findall(r'PartName="/([^"]+)"', types))
        assert listed == {n for n in names if not n.endswith((".rels", "[Content_Types].xml"))}
        for name in names:
            text = archive.read(name).decode("utf-8")
            ET.fromstring(text)  # noqa: S314 - our own
            assert "[[" not in text, name
            if name.endswith(".rels"):
                inside = re.findall(r'Target="/?([^"]+)" Id="rId', text)
                folder = "" if name == "_rels/.rels" else "xl/"
                assert all(one in names or folder + one in names for one in inside), name
                ids = re.findall(r' Id="([^"]+)"', text)
                assert len(set(ids)) == len(ids)


def test_the_bytes_depend_on_the_content_only(both, request):
    sheets, facts = request.node.callspec.params["both"]()
    assert workbook_bytes(sheets, facts, TEXTS) == both[0]


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_no_text_becomes_a_formula_or_breaks_the_file(text):
    layout = SheetLayout("drift", (TableLayout("drift", (Column("group", "text", 10),)),))
    builder = SheetBuilder(layout, TEXTS, style_book())
    builder.table(layout.tables[0], [{"group": text}], empty="", with_heading=False)
    content = workbook_bytes([builder.finished()], DocumentFacts("T", text, AS_OF), TEXTS)
    cell = load_workbook(io.BytesIO(content))["Drift"]["A2"]
    assert cell.data_type == ("s" if text else "n")
    assert len((cell.value or "").encode("utf-16-le")) // 2 <= 32_767
    if text.strip().startswith(("=", "+", "-", "@", "＝")):
        assert cell._style.quotePrefix


def test_choices_that_excel_could_not_list_are_refused():
    builder = SheetBuilder(
        SheetLayout("drift", (TableLayout("drift", (Column("group", "text", 10),)),)),
        TEXTS,
        style_book(),
    )
    for options in (("a,b",), ('a"b',), ("x" * 300,)):
        with pytest.raises(ValueError, match="choice"):
            builder.choices("A1", options)


def test_a_skeleton_is_made_once_for_households_of_one_shape():
    shapes = []
    for name in ("One", "Two"):
        rows = busy_household()
        rows["dim_households"][0] |= {"household_name": name}
        rows["fct_tax_lots"] = rows["fct_tax_lots"][: 7 if name == "One" else 30]
        sheets, facts = household(rows)
        shapes.append(shape_of(document_set_up(facts, TEXTS), sheets))
    assert shapes[0] == shapes[1]
    assert skeleton_of(shapes[0]) is skeleton_of(shapes[1])


def test_a_hole_without_its_place_or_its_value_is_refused():
    with pytest.raises(ValueError, match="nothing stands where 'rows' belongs"):
        Template("<a/>", {"rows": "<b/>"})
    template = Template("<a/><b/><a/>", {"one": "<a/>", "two": "<b/>"})
    assert template.filled({"one": "1", "two": "<a/>"}) == "1<a/>1"
    with pytest.raises(KeyError):
        template.filled({"one": "1"})


def test_an_archive_reads_back_and_has_one_time():
    parts = [part("a/b.xml", b"<a/>" * 1_000), part("c", b"")]
    content = archive_bytes(parts)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.read("a/b.xml") == b"<a/>" * 1_000
        assert archive.read("c") == b""
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert content == archive_bytes(parts)

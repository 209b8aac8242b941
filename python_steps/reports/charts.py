"""Native bar charts that carry their values.

Belongs here: how a planned chart becomes an openpyxl chart, with the cached values that viewers
without a calculation engine show. Does not belong here: what is charted, colours, titles.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from python_steps.reports.sheet_builder import ChartPlan, Series, safe_text
from python_steps.reports.styles import GREY_TEXT, INK, PERCENT_FORMAT, RULE


def bar_chart(plan: ChartPlan) -> Any:
    """A horizontal clustered bar chart in the order of the table, values in the cache.

    A value that is not known leaves a gap: it has no point in the cache, and its cell holds text.
    """
    from openpyxl.chart import BarChart
    from openpyxl.chart.layout import Layout, ManualLayout
    from openpyxl.chart.shapes import GraphicalProperties

    chart: Any = BarChart()
    chart.type = "bar"
    chart.grouping = "clustered"
    chart.gapWidth = 40
    chart.overlap = 0
    chart.width, chart.height = plan.width_cm, plan.height_cm
    chart.roundedCorners = False
    chart.title = _rich_title(safe_text(plan.title))
    chart.legend.position = "b"
    chart.x_axis.delete = chart.y_axis.delete = False
    # Excel draws the first category at the bottom; the table has it at the top.
    chart.x_axis.scaling.orientation = "maxMin"
    chart.y_axis.crosses = "max"
    chart.y_axis.number_format = "0%"
    if all(value >= 0 for series in plan.series for _, value in _known(series.values)):
        chart.y_axis.scaling.min = 0
    chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=_line(RULE))
    chart.x_axis.graphicalProperties = GraphicalProperties(ln=_line(GREY_TEXT))
    chart.y_axis.graphicalProperties = GraphicalProperties(ln=_line(RULE))
    chart.x_axis.txPr = chart.y_axis.txPr = _small_text()
    chart.legend.txPr = _small_text()
    chart.layout = Layout(
        manualLayout=ManualLayout(
            layoutTarget="inner", xMode="edge", yMode="edge", x=0.27, y=0.11, w=0.67, h=0.73
        )
    )
    for index, series in enumerate(plan.series):
        chart.series.append(_series(index, series, plan))
    chart.dataLabels = _value_labels()
    return chart


def _series(index: int, series: Series, plan: ChartPlan) -> Any:
    from openpyxl.chart.data_source import (
        AxDataSource,
        NumData,
        NumDataSource,
        NumRef,
        NumVal,
        StrData,
        StrRef,
        StrVal,
    )
    from openpyxl.chart.series import Series as ChartSeries
    from openpyxl.chart.series import SeriesLabel
    from openpyxl.chart.shapes import GraphicalProperties

    categories = [StrVal(idx=i, v=safe_text(name)) for i, name in enumerate(plan.categories)]
    points = [NumVal(idx=i, v=float(v)) for i, v in _known(series.values)]
    made = ChartSeries(
        idx=index,
        order=index,
        tx=SeriesLabel(v=safe_text(series.name)),
        cat=AxDataSource(
            strRef=StrRef(
                f=plan.category_cells, strCache=StrData(ptCount=len(categories), pt=categories)
            )
        ),
        val=NumDataSource(
            numRef=NumRef(
                f=series.cells,
                numCache=NumData(formatCode=PERCENT_FORMAT, ptCount=len(series.values), pt=points),
            )
        ),
    )
    made.graphicalProperties = GraphicalProperties(solidFill=series.colour)
    made.invertIfNegative = False
    return made


def _value_labels() -> Any:
    """The value at the end of each bar. What is not switched off, some viewers switch on."""
    from openpyxl.chart.label import DataLabelList

    labels = DataLabelList(numFmt="0.0%", dLblPos="outEnd", txPr=_small_text(800))
    labels.showVal = True
    for other in ("showCatName", "showSerName", "showLegendKey", "showPercent", "showBubbleSize"):
        setattr(labels, other, False)
    return labels


def _known(values: Sequence[Decimal | None]) -> list[tuple[int, Decimal]]:
    return [(i, value) for i, value in enumerate(values) if value is not None]


def _line(colour: str) -> Any:
    from openpyxl.drawing.line import LineProperties

    return LineProperties(solidFill=colour, w=6350)


def _small_text(size: int = 900) -> Any:
    from openpyxl.chart.text import RichText
    from openpyxl.drawing.text import (
        CharacterProperties,
        Paragraph,
        ParagraphProperties,
        RichTextProperties,
    )

    properties = CharacterProperties(sz=size, solidFill=INK)
    return RichText(
        bodyPr=RichTextProperties(),
        p=[Paragraph(pPr=ParagraphProperties(defRPr=properties), endParaRPr=properties)],
    )


def _rich_title(title: str) -> Any:
    from openpyxl.chart.text import RichText, Text
    from openpyxl.chart.title import Title
    from openpyxl.drawing.text import (
        CharacterProperties,
        Paragraph,
        ParagraphProperties,
        RegularTextRun,
    )

    look = CharacterProperties(sz=1200, b=True, solidFill=INK)
    run = RegularTextRun(rPr=look, t=title)
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=look), r=[run])
    return Title(tx=Text(rich=RichText(p=[paragraph])), overlay=False)

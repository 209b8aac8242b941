"""The securities that the demo book trades.

Belongs here: tickers, invented names and identifiers, security types, price levels on the demo
session, distribution rates and what each security's price follows. Does not belong here: prices
over time (`market`) or who holds what (`households`). The tickers are those that the product's
mapping seeds know; CUSIPs are invented inside the issuer range that the CUSIP system leaves for
private use (fourth and fifth character 99), with a true check digit, so none names a real issue.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

Exposure = tuple[tuple[str, float], ...]


class DemoSecurity(NamedTuple):
    """One security of the demo universe."""

    ticker: str
    name: str
    security_type: str  # canonical security type: ETF, EQUITY, MUTUAL_FUND, MONEY_MARKET, ...
    exposure: Exposure  # share of each market factor that the price follows
    price_cents: int  # closing price or NAV on the demo session
    distribution_bps: int  # paid out per year, basis points of the price
    payments_per_year: int
    own_volatility_bps: int  # yearly volatility not explained by the factors
    currency: str = "USD"
    own_growth_bps: int = 0  # yearly growth beside the factors; legacy stock has low basis by it
    number: int = 0  # position in the universe; identifiers are made of it

    @property
    def cusip(self) -> str:
        """Nine characters with a true check digit; '' where a listed option or fund has none."""
        if self.security_type in ("OPTION", "ALTERNATIVE"):
            return ""
        return cusip_with_check_digit(f"{self.number:03d}99010")

    @property
    def isin(self) -> str:
        """ISIN made of the CUSIP; '' for mutual funds' custodial codes, options and private funds.

        Shares in euro carry a code of the private range XX instead of a CUSIP.
        """
        if self.currency != "USD":
            return isin_with_check_digit(f"XX{self.number:09d}")
        return isin_with_check_digit(f"US{self.cusip}") if self.cusip else ""

    @property
    def contract_multiplier(self) -> int:
        """Units of the underlying in one contract; 1 for all but options."""
        return 100 if self.security_type == "OPTION" else 1

    @property
    def trades_fractionally(self) -> bool:
        """Mutual funds and money funds are bought in dollars; all else in whole shares."""
        return self.security_type in ("MUTUAL_FUND", "MONEY_MARKET", "ALTERNATIVE")

    @property
    def is_cash_equivalent(self) -> bool:
        """Money-market funds settle as cash does."""
        return self.security_type == "MONEY_MARKET"


def cusip_with_check_digit(first_eight: str) -> str:
    """Append the check digit of the CUSIP standard (modulus 10 double add double).

    Raises:
        ValueError: not eight characters of 0-9 and A-Z.
    """
    if len(first_eight) != 8:
        raise ValueError(f"a CUSIP has eight characters before its check digit: {first_eight!r}")
    total = 0
    for place, character in enumerate(first_eight):
        value = int(character, 36) * (1 + place % 2)
        total += value // 10 + value % 10
    return f"{first_eight}{(10 - total % 10) % 10}"


def isin_with_check_digit(first_eleven: str) -> str:
    """Append the check digit of ISO 6166 (letters as two digits, then the Luhn sum).

    Raises:
        ValueError: not eleven characters of 0-9 and A-Z.
    """
    if len(first_eleven) != 11:
        raise ValueError(f"an ISIN has eleven characters before its check digit: {first_eleven!r}")
    digits = "".join(str(int(character, 36)) for character in first_eleven)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - place % 2)
        total += value // 10 + value % 10
    return f"{first_eleven}{(10 - total % 10) % 10}"


def _one(factor: str) -> Exposure:
    return ((factor, 1.0),)


_WORLD: Exposure = (
    ("US_LARGE", 0.55),
    ("US_SMALL", 0.07),
    ("DEVELOPED", 0.28),
    ("EMERGING", 0.10),
)
_TARGET_DATE: Exposure = (
    ("US_LARGE", 0.43),
    ("US_SMALL", 0.06),
    ("DEVELOPED", 0.24),
    ("EMERGING", 0.08),
    ("BONDS", 0.19),
)

# ticker, name, price in cents on the demo session, distribution bps, payments, own volatility bps
_Row = tuple[str, str, int, int, int, int]
_FUNDS: tuple[tuple[str, str, Exposure, tuple[_Row, ...]], ...] = (
    (
        "ETF",
        "US large",
        _one("US_LARGE"),
        (
            ("VTI", "Total US Stock Market ETF", 31842, 118, 4, 60),
            ("ITOT", "Core Total US Market ETF", 14117, 120, 4, 60),
            ("SCHB", "US Broad Market ETF", 2513, 121, 4, 60),
            ("VOO", "500 Index ETF", 59926, 119, 4, 40),
            ("SCHX", "US Large-Cap ETF", 2574, 118, 4, 50),
            ("VV", "Large-Cap Index ETF", 29861, 117, 4, 50),
            ("IWB", "Large Company 1000 ETF", 35788, 112, 4, 50),
            ("VTV", "Large-Cap Value ETF", 18344, 215, 4, 350),
            ("SCHV", "US Large-Cap Value ETF", 2836, 212, 4, 350),
            ("IVE", "500 Value ETF", 20471, 188, 4, 350),
            ("VUG", "Large-Cap Growth ETF", 46255, 46, 4, 450),
            ("SCHG", "US Large-Cap Growth ETF", 3149, 42, 4, 450),
            ("IWF", "1000 Growth ETF", 45830, 43, 4, 450),
            ("QQQ", "Nasdaq Large 100 Trust", 58417, 52, 4, 650),
            ("VIG", "Dividend Appreciation ETF", 21168, 168, 4, 300),
            ("DGRO", "Core Dividend Growth ETF", 6677, 212, 4, 300),
            ("SCHD", "US Dividend Equity ETF", 2729, 364, 4, 400),
            ("VYM", "High Dividend Yield ETF", 13922, 256, 4, 350),
            ("XLE", "Energy Sector Fund", 8741, 328, 4, 1600),
            ("VDE", "Energy Index ETF", 12283, 316, 4, 1600),
        ),
    ),
    (
        "ETF",
        "US small and mid",
        _one("US_SMALL"),
        (
            ("VB", "Small-Cap Index ETF", 24633, 136, 4, 150),
            ("IJR", "Core Small-Cap ETF", 11416, 198, 4, 250),
            ("SCHA", "US Small-Cap ETF", 2662, 146, 4, 200),
            ("VBR", "Small-Cap Value ETF", 20122, 204, 4, 300),
            ("IJS", "Small-Cap 600 Value ETF", 10785, 184, 4, 300),
            ("IWN", "2000 Value ETF", 16921, 176, 4, 300),
            ("VOE", "Mid-Cap Value ETF", 16954, 218, 4, 250),
            ("IWS", "Mid-Cap Value 800 ETF", 13602, 156, 4, 250),
            ("FNDA", "Fundamental US Small Company ETF", 3077, 168, 4, 300),
        ),
    ),
    (
        "ETF",
        "developed",
        _one("DEVELOPED"),
        (
            ("VEA", "Developed Markets ETF", 5873, 288, 4, 100),
            ("IEFA", "Core International Developed ETF", 8648, 302, 2, 100),
            ("VXUS", "Total International Stock ETF", 7209, 276, 4, 150),
            ("IXUS", "Core Total International ETF", 8112, 284, 2, 150),
        ),
    ),
    (
        "ETF",
        "emerging",
        _one("EMERGING"),
        (
            ("VWO", "Emerging Markets ETF", 5231, 276, 4, 150),
            ("IEMG", "Core Emerging Markets ETF", 6394, 258, 2, 200),
            ("SPEM", "Portfolio Emerging Markets ETF", 4526, 262, 2, 200),
        ),
    ),
    (
        "ETF",
        "world",
        _WORLD,
        (
            ("VT", "Total World Stock ETF", 13463, 182, 4, 60),
            ("ACWI", "All Country World ETF", 13288, 164, 2, 60),
        ),
    ),
    (
        "ETF",
        "bonds",
        _one("BONDS"),
        (
            ("BND", "Total Bond Market ETF", 7338, 382, 12, 40),
            ("IUSB", "Core Total Bond ETF", 4631, 404, 12, 60),
            ("VCIT", "Intermediate Corporate Bond ETF", 8237, 452, 12, 150),
            ("LQD", "Investment Grade Corporate ETF", 10958, 446, 12, 200),
            ("MUB", "National Municipal Bond ETF", 10613, 316, 12, 120),
            ("VTEB", "Tax-Exempt Bond ETF", 4972, 326, 12, 120),
            ("BNDX", "Total International Bond ETF", 4924, 426, 12, 120),
            ("IAGG", "Core International Aggregate ETF", 5088, 402, 12, 120),
        ),
    ),
    (
        "ETF",
        "short treasuries",
        (("BONDS", 0.25),),
        (
            ("VGSH", "Short-Term Treasury ETF", 5874, 408, 12, 20),
            ("SHY", "1-3 Year Treasury ETF", 8271, 392, 12, 20),
        ),
    ),
    (
        "ETF",
        "long treasuries",
        (("BONDS", 2.4),),
        (
            ("TLT", "20+ Year Treasury ETF", 8844, 434, 12, 250),
            ("VGLT", "Long-Term Treasury ETF", 5629, 428, 12, 250),
        ),
    ),
    (
        "ETF",
        "credit",
        _one("CREDIT"),
        (
            ("HYG", "High Yield Corporate ETF", 7861, 574, 12, 100),
            ("JNK", "High Yield Bond ETF", 9517, 658, 12, 120),
            ("SPHY", "Portfolio High Yield ETF", 2348, 742, 12, 120),
            ("EMB", "Emerging Markets Dollar Bond ETF", 9326, 508, 12, 200),
            ("VWOB", "Emerging Government Bond ETF", 6544, 598, 12, 200),
        ),
    ),
    (
        "ETF",
        "inflation",
        _one("INFLATION"),
        (
            ("SCHP", "US TIPS ETF", 2674, 312, 12, 60),
            ("TIP", "TIPS Bond ETF", 10988, 304, 12, 60),
        ),
    ),
    (
        "ETF",
        "short inflation",
        (("INFLATION", 0.35),),
        (
            ("VTIP", "Short-Term Inflation-Protected ETF", 5013, 286, 4, 40),
            ("STIP", "0-5 Year TIPS ETF", 10264, 284, 12, 40),
        ),
    ),
    (
        "ETF",
        "real estate",
        _one("REAL_ESTATE"),
        (
            ("VNQ", "Real Estate ETF", 9047, 388, 4, 120),
            ("SCHH", "US REIT ETF", 2136, 312, 4, 120),
            ("USRT", "Core US REIT ETF", 5712, 296, 4, 120),
        ),
    ),
    (
        "ETF",
        "gold",
        _one("GOLD"),
        (
            ("GLD", "Gold Trust", 37726, 0, 0, 20),
            ("IAU", "Gold Bullion Trust", 7713, 0, 0, 20),
        ),
    ),
    (
        "ETF",
        "commodities",
        _one("COMMODITY"),
        (("DBC", "Commodity Index Fund", 2284, 380, 1, 100),),
    ),
    (
        "ETF",
        "bills",
        _one("BILLS"),
        (
            ("SGOV", "0-3 Month Treasury ETF", 10058, 402, 12, 2),
            ("BIL", "1-3 Month T-Bill ETF", 9164, 396, 12, 2),
        ),
    ),
    (
        "MUTUAL_FUND",
        "US large funds",
        _one("US_LARGE"),
        (
            ("VTSAX", "Total Stock Market Index Admiral", 15374, 118, 4, 60),
            ("VFIAX", "500 Index Fund Admiral", 55361, 119, 4, 40),
            ("FXAIX", "500 Index Fund", 22672, 121, 4, 40),
        ),
    ),
    (
        "MUTUAL_FUND",
        "developed funds",
        _one("DEVELOPED"),
        (("VTIAX", "Total International Stock Index Admiral", 3922, 276, 4, 150),),
    ),
    (
        "MUTUAL_FUND",
        "bond funds",
        _one("BONDS"),
        (("VBTLX", "Total Bond Market Index Admiral", 972, 378, 12, 40),),
    ),
    (
        "MUTUAL_FUND",
        "target date",
        _TARGET_DATE,
        (("VTTHX", "Target Retirement 2035 Fund", 2691, 242, 1, 60),),
    ),
    (
        "MONEY_MARKET",
        "money funds",
        _one("CASH"),
        (
            ("SWVXX", "Prime Advantage Money Fund", 100, 396, 12, 0),
            ("SPAXX", "Government Money Market Fund", 100, 378, 12, 0),
            ("VMFXX", "Federal Money Market Fund", 100, 394, 12, 0),
        ),
    ),
    (
        "EQUITY",
        "single stocks",
        _one("US_LARGE"),
        (
            ("AAPL", "Apple Inc", 26218, 42, 4, 2200),
            ("MSFT", "Microsoft Corp", 49633, 72, 4, 1900),
            ("NVDA", "NVIDIA Corp", 17829, 3, 4, 3800),
            ("AMZN", "Amazon.com Inc", 22347, 0, 0, 2600),
            ("GOOGL", "Alphabet Inc Class A", 27692, 31, 4, 2300),
            ("JPM", "JPMorgan Chase & Co", 29914, 196, 4, 1700),
            ("JNJ", "Johnson & Johnson", 19258, 268, 4, 1300),
            ("XOM", "Exxon Mobil Corp", 11476, 346, 4, 2000),
            ("PG", "Procter & Gamble Co", 14861, 276, 4, 1200),
            ("HD", "Home Depot Inc", 36528, 252, 4, 1700),
            ("KO", "Coca-Cola Co", 7093, 288, 4, 1200),
            ("PFE", "Pfizer Inc", 2461, 698, 4, 1900),
            ("INTC", "Intel Corp", 3427, 0, 0, 3100),
            ("DIS", "Walt Disney Co", 10594, 94, 2, 2100),
        ),
    ),
)

_OWN_GROWTH_BPS = {
    "AAPL": 900,
    "MSFT": 700,
    "NVDA": 2600,
    "AMZN": 800,
    "GOOGL": 600,
    "PFE": -400,
    "INTC": -700,
    "DIS": -300,
}

# Grantor trusts that hold bullion: the firm's file calls them collectibles.
METAL_TRUSTS = ("GLD", "IAU")

# Securities that only the cases of unusual data hold.
PRIVATE_FUND_UNMAPPED = "LARKPC2"
PRIVATE_FUND_MAPPED = "HALCRE4"
EURO_STOCK = "NORDWIND"
CANADIAN_STOCK = "TAMARACK"
CALL_OPTION = "AAPL 270115C00280000"


@cache
def universe() -> dict[str, DemoSecurity]:
    """Every security of the demo book by ticker, in a fixed order."""
    listed = [
        DemoSecurity(ticker, name, kind, exposure, price, distribution, payments, volatility)
        for kind, _, exposure, rows in _FUNDS
        for ticker, name, price, distribution, payments, volatility in rows
    ]
    listed += [
        DemoSecurity(
            PRIVATE_FUND_UNMAPPED,
            "Larkspur Private Credit II LP",
            "ALTERNATIVE",
            (("CREDIT", 0.3),),
            104250,
            0,
            0,
            100,
        ),
        DemoSecurity(
            PRIVATE_FUND_MAPPED,
            "Halcyon Real Estate IV LP",
            "ALTERNATIVE",
            (("REAL_ESTATE", 0.4),),
            118730,
            0,
            0,
            100,
        ),
        DemoSecurity(
            EURO_STOCK,
            "Nordwind Maritime SE",
            "EQUITY",
            _one("DEVELOPED"),
            8412,
            240,
            1,
            2200,
            currency="EUR",
        ),
        DemoSecurity(
            CANADIAN_STOCK,
            "Tamarack Ridge Minerals Ltd",
            "EQUITY",
            _one("DEVELOPED"),
            3675,
            180,
            4,
            2600,
            currency="CAD",
        ),
        DemoSecurity(
            CALL_OPTION,
            "Call AAPL 280 2027-01-15",
            "OPTION",
            (("US_LARGE", 3.0),),
            955,
            0,
            0,
            6000,
        ),
    ]
    return {
        security.ticker: security._replace(
            number=number, own_growth_bps=_OWN_GROWTH_BPS.get(security.ticker, 0)
        )
        for number, security in enumerate(listed, start=100)
    }

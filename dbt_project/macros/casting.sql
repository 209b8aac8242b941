{#-
    From the text of a file to typed values: the only place where text is cast. Every macro takes a
    column name and gives a value or null; null for text that is no null word is a reject, which
    `rejected_values` turns into a row for the rules. Nothing here guesses: an ambiguous date, a
    number with the thousands parted elsewhere than in threes, are rejects.
-#}

{#- Spellings of "nothing" seen in custodians' files. They say why with `null_word_status`. -#}
{% macro is_null_word(column) -%}
    lower(trim({{ column }})) in (
        '', '--', '-', 'n/a', 'na', 'not applicable', 'incomplete', 'missing', 'various', 'unknown', 'none',
        'null', 'no number', 'unavailable', 'undefined'
    )
{%- endmacro %}

{#- Why a value is absent: present, absent (no such column), missing, incomplete, not_applicable,
    various or unknown. -#}
{% macro null_word_status(column) -%}
    case
        when {{ column }} is null then 'absent'
        when lower(trim({{ column }})) in ('n/a', 'na', 'not applicable') then 'not_applicable'
        when lower(trim({{ column }})) in ('incomplete', 'various', 'unknown') then lower(trim({{ column }}))
        when {{ is_null_word(column) }} then 'missing'
        else 'present'
    end
{%- endmacro %}

{#- One parser for every spelling of a number: $1,234.56  -$1.23  $-1.23  +$1  ($1.00)  "12.00 "
    $0.00 0.00% (the amount)  -2.6E-4  000123  12.50-  and, in columns of shares only, +0.32% (0.0032).
    One sign at most: what two of them mean is not known. -#}
{% macro as_decimal(column, type, is_share=false) -%}
    {%- set digits = "(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)" -%}
    {%- set percent = "\s?%" -%}
    {#- Casting to 18 digits first is much faster than to more, and is as exact; text that is empty, which
        most of a sparse column is, is not looked at twice. -#}
    case when {{ column }} <> '' then coalesce(
        try_cast(
            case when not contains({{ column }}, '_') then {{ column }} end
            as {{ type | replace("28,", "18,") | replace("24,", "18,") }}
        ),
        try_cast(case when not contains({{ column }}, '_') then {{ column }} end as {{ type }}),
        case
            when regexp_full_match(
                trim({{ column }}, ' "'),
                {% if is_share -%}
                '(?:\({{ digits }}(?:{{ percent }})?\)|[+-]?\s?{{ digits }}(?:{{ percent }})?|{{ digits }}-)'
                {%- else -%}
                '(?:\(\$?{{ digits }}\)|(?:[+-]\s?\$?|\$[+-]?)?{{ digits }}|\$?{{ digits }}-)'
                || '(?:\s+[+-]?{{ digits }}{{ percent }})?'
                {%- endif %}
            )
            then
                try_cast(
                    try_cast(
                        replace(regexp_extract({{ column }}, '\d[\d,]*(\.\d*)?|\.\d+', 0), ',', '') as {{ type }}
                    )
                    {%- if is_share %}
                    * case when contains({{ column }}, '%') then 0.01 else 1.00 end
                    {%- endif %}
                    * case
                        when regexp_matches({{ column }}, '^[^\d.]*[-(]|^[^\d.]*[\d,]*\.?\d*-') then -1 else 1
                    end
                    as {{ type }}
                )
        end
    ) end
{%- endmacro %}

{% macro as_money(column) -%} {{ as_decimal(column, "decimal(24, 6)") }} {%- endmacro %}
{% macro as_quantity(column) -%} {{ as_decimal(column, "decimal(28, 10)") }} {%- endmacro %}
{% macro as_weight(column) -%} {{ as_decimal(column, "decimal(18, 10)", is_share=true) }} {%- endmacro %}

{#- Whole numbers in decimal digits. A cast alone would round a fraction and read 0x10 and 1_000. -#}
{% macro as_integer(column) -%}
    case
        when regexp_full_match(trim({{ column }}), '[+-]?\d+(?:\.0*)?')
            then try_cast(regexp_extract(trim({{ column }}), '^[+-]?\d+') as integer)
    end
{%- endmacro %}

{#- Feeds whose files write the month first: American custodians' downloads. Those that also write years
    with two digits say so by themselves; a mapped feed's dates are ISO when they arrive here. -#}
{% macro is_month_first(feed) -%}
    regexp_matches({{ feed }}, '^(schwab|fidelity|etrade|vanguard)')
{%- endmacro %}
{% macro has_two_digit_years(feed) -%}
    regexp_matches({{ feed }}, '^(schwab|etrade)')
{%- endmacro %}

{#- Dates: ISO first; 2025/12/01, 20251201, Feb-18-2026, 18-Feb-26, each also with a time, a fraction of a
    second and a time zone behind it (the date is the one written); "X as of Y" is Y. 12/01/2025 is month
    first in the feeds above, elsewhere only where it can be read one way. Needs `feed` in scope. -#}
{% macro as_date(column) -%}
    coalesce(
        case when length({{ column }}) = 10 then cast(try_strptime({{ column }}, '%Y-%m-%d') as date) end,
        case
            when length({{ column }}) >= 6 then {{ slow_date(date_part_of(column)) }}
        end
    )
{%- endmacro %}

{#- The date's own characters: what follows "as of", without the time. -#}
{% macro date_part_of(column) -%}
    regexp_extract(
        regexp_replace(trim({{ column }}), '^.* as of ', ''),
        '^(\d{4}-\d{2}-\d{2}|\d{4}/\d{2}/\d{2}|\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})|[A-Za-z]{3}-\d{2}-\d{4}|\d{2}-[A-Za-z]{3}-\d{2}|\d{8})'
        || '(?:$|[ ;T,]+\d{1,2}:?\d{2}.*$|\d{6}.*$)',
        1
    )
{%- endmacro %}

{% macro slow_date(text) -%}
    cast(
        coalesce(
            -- A year of two digits would pass for one of four: 05/06/26 as the year 5.
            case
                when not regexp_matches({{ text }}, '^\d{1,2}/')
                    then try_strptime({{ text }}, ['%Y-%m-%d', '%Y/%m/%d', '%Y%m%d', '%b-%d-%Y', '%d-%b-%y'])
            end,
            case
                when regexp_matches({{ text }}, '^\d{1,2}/\d{1,2}/\d{2}$') and {{ has_two_digit_years("feed") }}
                    then try_strptime({{ text }}, '%m/%d/%y')
                when not regexp_matches({{ text }}, '^\d{1,2}/\d{1,2}/\d{4}$')
                    then null
                when {{ is_month_first("feed") }}
                    then try_strptime({{ text }}, '%m/%d/%Y')
                when
                    try_strptime({{ text }}, '%m/%d/%Y') is null
                    or try_strptime({{ text }}, '%d/%m/%Y') is null
                    or try_strptime({{ text }}, '%m/%d/%Y') = try_strptime({{ text }}, '%d/%m/%Y')
                    then coalesce(try_strptime({{ text }}, '%m/%d/%Y'), try_strptime({{ text }}, '%d/%m/%Y'))
            end
        ) as date
    )
{%- endmacro %}

{#- The time of day as HH:MM:SS, alone or behind a date; null when there is none. -#}
{% macro as_time(column) -%}
    case
        when regexp_matches({{ column }}, '\d{1,2}:\d{2}')
            then
                nullif(
                    lpad(regexp_extract({{ column }}, '(\d{1,2}):(\d{2})(?::(\d{2}))?', 1), 2, '0')
                    || ':' || regexp_extract({{ column }}, '(\d{1,2}):(\d{2})(?::(\d{2}))?', 2)
                    || ':' || lpad(regexp_extract({{ column }}, '(\d{1,2}):(\d{2})(?::(\d{2}))?', 3), 2, '0'),
                    ''
                )
        when regexp_matches({{ column }}, {{ compact_time() }})
            then
                regexp_extract({{ column }}, {{ compact_time() }}, 2)
                || ':' || regexp_extract({{ column }}, {{ compact_time() }}, 3)
                || ':' || regexp_extract({{ column }}, {{ compact_time() }}, 4)
    end
{%- endmacro %}

{#- HHMMSS, alone or behind a date, with OFX's fraction and zone: 20230101011111.111[-5:EST]. -#}
{% macro compact_time() -%}
    '^(\d{8}|\d{4}-\d{2}-\d{2})?[ ;T]?(\d{2})(\d{2})(\d{2})(?:\.\d+)?(?:\[[^\]]*\])?$'
{%- endmacro %}

{% macro as_boolean(column) -%}
    case lower(trim({{ column }}))
        when 'true' then true when 'yes' then true when 'y' then true when '1' then true
        when 'false' then false when 'no' then false when 'n' then false when '0' then false
    end
{%- endmacro %}

{#- Text as it is, null when the file holds nothing there. -#}
{% macro as_text(column) -%}
    case when trim({{ column }}) not in ('', '--') then trim({{ column }}) end
{%- endmacro %}

{#- A word of a closed list, in capitals. -#}
{% macro as_code(column) -%}
    case when not {{ is_null_word(column) }} then upper(trim({{ column }})) end
{%- endmacro %}

{#- Tickers in one spelling: capitals, no footnote stars, class shares with a dot. The registry of
    identities spells them alike (python_steps/identities.py). -#}
{% macro as_ticker(column) -%}
    case
        when not {{ is_null_word(column) }}
            then regexp_replace(rtrim(upper(trim({{ column }})), '*'), '^([A-Z]{1,5})[/ ]([A-Z])$', '\1.\2')
    end
{%- endmacro %}

{#- Everything a row says about which security it means, as one text: the key of
    int_securities__identified. `parts` names the identifier columns that the entity has. -#}
{% macro security_key(parts, custodian="custodian") -%}
    concat_ws(
        '|'
        , {{ "coalesce(trim(" ~ custodian ~ "), '')" if "custodian_security_id" in parts else "''" }}
        {% for part in ["custodian_security_id", "cusip", "isin"] -%}
            , {{ "coalesce(upper(trim(" ~ part ~ ")), '')" if part in parts else "''" }}
        {% endfor %}
        , {{ "coalesce(" ~ as_ticker("ticker") ~ ", '')" if "ticker" in parts else "''" }}
    )
{%- endmacro %}

{#- Which columns of a row could not be cast, as a list of (column_name, value); null on good rows.
    `casts` maps a column to the macro that casts it. -#}
{% macro rejected_values(casts) -%}
    case
        when
            {% for column, kind in casts.items() -%}
                ({{ cast_column(column, kind) }} is null and not coalesce({{ is_null_word(column) }}, true))
                {%- if not loop.last %} or {% endif %}
            {% endfor %}
            then
                list_filter(
                    [
                        {% for column, kind in casts.items() -%}
                            {
                                'column_name': '{{ column }}',
                                'value': case
                                    when
                                        {{ cast_column(column, kind) }} is null
                                        and not coalesce({{ is_null_word(column) }}, true)
                                        then {{ column }}
                                end
                            }
                            {%- if not loop.last %}, {% endif %}
                        {% endfor %}
                    ],
                    rejected -> rejected.value is not null
                )
    end as rejected_values
{%- endmacro %}

{#- The same on columns that are cast already, with the texts they were cast from in the struct
    `received_texts` (see `texts_of`): for entities of many rows, where casting twice is what costs. -#}
{% macro rejected_texts(casts) -%}
    case
        when
            {% for column in casts -%}
                ({{ column }} is null and received_texts['{{ column }}'] <> ''
                and not {{ is_null_word("received_texts['" ~ column ~ "']") }})
                {%- if not loop.last %} or {% endif %}
            {% endfor %}
            then
                list_filter(
                    [
                        {% for column in casts -%}
                            {
                                'column_name': '{{ column }}',
                                'value': case
                                    when {{ column }} is null and not {{ is_null_word("received_texts['" ~ column ~ "']") }}
                                        then received_texts['{{ column }}']
                                end
                            }
                            {%- if not loop.last %}, {% endif %}
                        {% endfor %}
                    ],
                    rejected -> rejected.value is not null
                )
    end as rejected_values
{%- endmacro %}

{#- The texts of the columns that are cast, as one struct. -#}
{% macro texts_of(casts) -%}
    { {%- for column in casts -%}
        '{{ column }}': {{ column }}{% if not loop.last %}, {% endif %}
    {%- endfor -%} } as received_texts
{%- endmacro %}

{% macro cast_column(column, kind) -%}
    {%- if kind == "money" -%} {{ as_money(column) }}
    {%- elif kind == "quantity" -%} {{ as_quantity(column) }}
    {%- elif kind == "weight" -%} {{ as_weight(column) }}
    {%- elif kind == "integer" -%} {{ as_integer(column) }}
    {%- elif kind == "date" -%} {{ as_date(column) }}
    {%- elif kind == "boolean" -%} {{ as_boolean(column) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error("no cast named '" ~ kind ~ "'") }}
    {%- endif -%}
{%- endmacro %}

{#- The select list of the cast columns, each under its own name. -#}
{% macro cast_columns(casts) -%}
    {%- for column, kind in casts.items() -%}
        {{ cast_column(column, kind) }} as {{ column }}{% if not loop.last %}, {% endif %}
    {% endfor -%}
{%- endmacro %}

{#- SHORT or LONG: "Short Term", "LT", "ST;LD"; any other word is no term. -#}
{% macro as_term(column) -%}
    case
        when regexp_matches(upper({{ column }}), '\b(SHORT|ST)\b') then 'SHORT'
        when regexp_matches(upper({{ column }}), '\b(LONG|LT)\b') then 'LONG'
    end
{%- endmacro %}

{#- A yes or no, or Interactive Brokers' list of codes, in which LD is the mark of a disallowed loss. -#}
{% macro as_wash_flag(column) -%}
    coalesce({{ as_boolean(column) }}, regexp_matches(upper({{ column }}), '\bLD\b'))
{%- endmacro %}

{#- PUT or CALL; custodians write P and C too. -#}
{% macro as_put_call(column) -%}
    case upper(trim({{ column }})) when 'P' then 'PUT' when 'PUT' then 'PUT' when 'C' then 'CALL' when 'CALL' then 'CALL' end
{%- endmacro %}

{#- Types of security in the house's words; the custodians' own words are translated, a word that
    says less than the house's (such as "Fixed Income") stays as it is and names no type of the list. -#}
{% macro as_security_type(column) -%}
    case {{ as_code(column) }}
        when 'ETFS & CLOSED END FUNDS' then 'ETF'
        when 'STK' then 'EQUITY'
        when 'COMMON' then 'EQUITY'
        when 'ADR' then 'EQUITY'
        when 'REIT' then 'EQUITY'
        when 'FUND' then 'MUTUAL_FUND'
        when 'MUTUAL FUND' then 'MUTUAL_FUND'
        when 'OPT' then 'OPTION'
        when 'FUT' then 'FUTURE'
        when 'BILL' then 'BOND_TREASURY'
        when 'CASH AND MONEY MARKET' then 'MONEY_MARKET'
        else {{ as_code(column) }}
    end
{%- endmacro %}

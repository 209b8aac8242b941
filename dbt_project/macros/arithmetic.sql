{#-
    Exact arithmetic that several models share. DuckDB's decimals stop at 38 digits and a product adds
    the scales, so every product is cast back before it meets a third factor.
-#}

{% macro product_of(first, second, type="decimal(28, 10)") -%}
    cast({{ first }} * {{ second }} as {{ type }})
{%- endmacro %}

{#- The same where the second factor is nearly always 1: multiplying wide decimals costs more than all
    else, so it is left out there. -#}
{% macro product_with_factor(first, factor, type="decimal(28, 10)") -%}
    case when {{ factor }} = 1 then cast({{ first }} as {{ type }}) else cast({{ first }} * {{ factor }} as {{ type }}) end
{%- endmacro %}

{#- A sum of which one part is not known is not known. -#}
{% macro sum_of_known(value) -%}
    case when count({{ value }}) = count(*) then sum({{ value }}) end
{%- endmacro %}

{#- A ratio as a weight; null when the denominator is not positive. -#}
{% macro weight_of(part, whole) -%}
    case when {{ whole }} > 0 then cast(({{ part }}) / ({{ whole }}) as decimal(18, 10)) end
{%- endmacro %}

{#- Value of one unit of quantity per quoted price: debt is quoted per 100 of face, options per share
    of a contract of 100, mortgage pools on the remaining face. What the master states holds. -#}
{% macro price_unit_factor(security_type, price_factor, contract_multiplier, pool_factor) -%}
    {{ product_of(
        product_of(
            "coalesce(" ~ price_factor ~ ", case when " ~ is_debt(security_type)
            ~ " then 0.01 else 1 end)::decimal(28, 10)",
            "coalesce(" ~ contract_multiplier ~ ", case when " ~ security_type
            ~ " = 'OPTION' then 100 else 1 end)::decimal(28, 10)"
        ),
        "coalesce(" ~ pool_factor ~ ", 1)::decimal(28, 10)"
    ) }}
{%- endmacro %}

{% macro is_debt(security_type) -%}
    {{ security_type }} in (
        'BOND', 'BOND_CORP', 'BOND_MUNI', 'BOND_TREASURY', 'CD', 'MBS', 'FIXED INCOME'
    )
{%- endmacro %}

{#- First day on which a sale is long-term. The day of acquisition does not count and the day of sale
    does: long if sold on or after the anniversary of the day after the acquisition, 29 February
    becoming 1 March. Rev. Rul. 66-7, Rev. Rul. 70-598. -#}
{% macro long_term_from(holding_period_start_date) -%}
    case
        when month({{ holding_period_start_date }} + 1) = 2 and day({{ holding_period_start_date }} + 1) = 29
            then make_date(year({{ holding_period_start_date }} + 1) + 1, 3, 1)
        else cast({{ holding_period_start_date }} + 1 + interval 1 year as date)
    end
{%- endmacro %}

{#- Half-width of a band: the tighter or the looser of the absolute and the relative one, never under
    the floor. -#}
{% macro band_half_width(target_weight, absolute_band, relative_band, band_rule, band_floor) -%}
    greatest(
        {{ band_floor }},
        case {{ band_rule }}
            when 'tighter' then
                least({{ absolute_band }}, cast({{ relative_band }} * {{ target_weight }} as decimal(18, 10)))
            when 'looser' then
                greatest({{ absolute_band }}, cast({{ relative_band }} * {{ target_weight }} as decimal(18, 10)))
        end
    )
{%- endmacro %}

{#- Dates that custodians write when they do not know the acquisition. -#}
{% macro is_sentinel_date(column) -%}
    ({{ column }} < date '1900-01-02' or {{ column }} in (date '1960-04-01', date '1970-01-01'))
{%- endmacro %}

{#- An account number with all but its last characters hidden. -#}
{% macro masked_number(column) -%}
    'XXXX' || right({{ column }}, case when length({{ column }}) > 6 then 4 else 2 end)
{%- endmacro %}

{#- An account in a sentence: its name or custodian, and the end of its number. -#}
{% macro account_label(accounts) -%}
    coalesce({{ accounts }}.account_name, {{ accounts }}.custodian) || ' (' || {{ masked_number(accounts ~ ".account_number") }} || ')'
{%- endmacro %}

{#- Custodians build lot and transaction ids from account numbers: what is published carries the masked
    one. Shorter numbers are left alone, they would be found inside other numbers. -#}
{% macro without_account_number(text, account_number) -%}
    case
        when length({{ account_number }}) > 6 and contains({{ text }}, {{ account_number }})
            then replace({{ text }}, {{ account_number }}, {{ masked_number(account_number) }})
        else {{ text }}
    end
{%- endmacro %}

{#- A sentence with each of a list of account numbers masked. -#}
{% macro with_masked_numbers(text, account_numbers) -%}
    case
        when {{ account_numbers }} is null then {{ text }}
        else
            list_reduce(
                list_prepend({{ text }}, {{ account_numbers }}),
                (told, number) -> replace(told, number, {{ masked_number("number") }})
            )
    end
{%- endmacro %}

{#- Everything a transaction says, as one text: rows without an id that agree in it are alike. -#}
{% macro transaction_content_key(row) -%}
    md5(
        concat_ws(
            '|'
            {% for column in [
                "security_key", "transaction_type", "source_type", "transaction_date", "transaction_time",
                "settlement_date", "quantity", "price", "gross_amount", "net_amount", "commission", "fees",
                "currency", "is_cancel", "description",
            ] -%}
                , {{ row }}.{{ column }}
            {% endfor %}
        )
    )
{%- endmacro %}

{#- Whether two feeds mean the same trades: amounts differ by rounding and by fees that only one of them takes
    off; an amount that one does not state contradicts nothing. -#}
{% macro amounts_nearly_agree(amount, other_amount) -%}
    coalesce(
        abs({{ amount }} - {{ other_amount }}) <= greatest(0.05, 0.01 * abs({{ amount }})),
        true
    )
{%- endmacro %}

-- Sales of taxable accounts as Form 8949 asks for them, after wash sales anywhere in the household, beside
-- what the custodian will report on its Form 1099-B, and why the two differ. Where the custodian reports
-- the basis to the IRS (boxes A and D), column (e) is its basis and column (g) corrects it: code B for the
-- basis, C for collectibles, W for a disallowed loss (Instructions for Form 8949). Elsewhere column (e) is
-- the right basis.
with realized as (
    select
        realized_lots.*,
        closed_lots.covered_status,
        closed_lots.proceeds as lot_proceeds,
        closed_lots.cost_basis as lot_cost_basis,
        -- Some feeds sign it, others do not.
        abs(coalesce(closed_lots.disallowed_loss, 0)) as lot_disallowed_loss,
        sum(realized_lots.custodian_disallowed_kept) over whole_lot as lot_disallowed_kept,
        closed_lots.realized_gain as lot_realized_gain,
        lower(closed_lots.term) as custodian_term,
        closed_lots.source_file_id,
        closed_lots.source_row_number,
        -- A part's share of its lot, up to it and before it, so that the parts add up to the lot.
        cast(
            sum(realized_lots.quantity) over upto_part
            / nullif(sum(realized_lots.quantity) over whole_lot, 0) as decimal(12, 10)
        ) as share_after,
        cast(
            (sum(realized_lots.quantity) over upto_part - realized_lots.quantity)
            / nullif(sum(realized_lots.quantity) over whole_lot, 0) as decimal(12, 10)
        ) as share_before,
        count(*) over whole_lot as part_count
    from {{ source("tax", "realized_lots") }} as realized_lots
    inner join {{ ref("int_closed_lots__merged") }} as closed_lots
        on
            realized_lots.account_id = closed_lots.account_id
            and realized_lots.closed_lot_key = closed_lots.closed_lot_key
    where realized_lots.as_of_date = {{ as_of_date() }}
    window
        whole_lot as (partition by realized_lots.account_id, realized_lots.closed_lot_key),
        upto_part as (
            partition by realized_lots.account_id, realized_lots.closed_lot_key
            order by realized_lots.part
        )
),

as_reported as (
    select
        *,
        {% for amount in ["proceeds", "cost_basis", "disallowed_loss", "realized_gain"] -%}
            cast(
                case
                    when part_count = 1 then lot_{{ amount }}
                    else
                        cast(lot_{{ amount }} * share_after as decimal(24, 6))
                        - cast(lot_{{ amount }} * share_before as decimal(24, 6))
                end as decimal(24, 6)
            ) as custodian_{{ amount }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from realized
),

-- Why a line differs: the replacement that washed it, and the earlier loss that its basis carries.
washed_by as (
    select
        matches.loss_account_id as account_id,
        matches.loss_lot_key as closed_lot_key,
        string_agg(
            'the purchase of ' || strftime(matches.replacement_date, '%Y-%m-%d') || ' in '
            || accounts.account_name || ' disallows $' || format('{:,.2f}', matches.disallowed_loss)
            || case when matches.is_permanent then ' for good' else '' end,
            '; ' order by matches.replacement_date, matches.match_id
        ) as reason
    from {{ ref("fct_wash_sale_matches") }} as matches
    inner join {{ ref("dim_accounts") }} as accounts
        on matches.replacement_account_id = accounts.account_id
    where matches.as_of_date = {{ as_of_date() }} and accounts.as_of_date = {{ as_of_date() }}
    group by matches.loss_account_id, matches.loss_lot_key
),

carried_from as (
    select
        matches.replacement_account_id as account_id,
        matches.replacement_lot_key as closed_lot_key,
        string_agg(
            'its basis carries the loss of ' || strftime(matches.loss_sale_date, '%Y-%m-%d')
            || ' in ' || accounts.account_name,
            '; ' order by matches.loss_sale_date, matches.match_id
        ) as reason
    from {{ ref("fct_wash_sale_matches") }} as matches
    inner join {{ ref("dim_accounts") }} as accounts on matches.loss_account_id = accounts.account_id
    where
        matches.as_of_date = {{ as_of_date() }}
        and accounts.as_of_date = {{ as_of_date() }}
        and not matches.is_permanent
    group by matches.replacement_account_id, matches.replacement_lot_key
),

compared as (
    select
        as_reported.*,
        accounts.tax_unit_id,
        accounts.counts_for_wash_sales,
        cast(extract(year from as_reported.disposal_date) as integer) as tax_year,
        coalesce(securities.ticker, securities.cusip, securities.security_name) as symbol,
        securities.security_name,
        securities.is_collectible,
        coalesce(as_reported.covered_status = 'COVERED', false)
        and as_reported.custodian_cost_basis is not null as is_basis_reported,
        cast(
            coalesce(
                as_reported.custodian_proceeds
                - as_reported.custodian_cost_basis
                + as_reported.custodian_disallowed_loss,
                as_reported.custodian_realized_gain
            ) as decimal(24, 6)
        ) as custodian_gain,
        washed_by.reason as washed_reason,
        carried_from.reason as carried_reason
    from as_reported
    inner join {{ ref("dim_accounts") }} as accounts
        on as_reported.account_id = accounts.account_id and accounts.as_of_date = {{ as_of_date() }}
    left join {{ ref("dim_securities") }} as securities
        on
            as_reported.security_id = securities.security_id
            and securities.as_of_date = {{ as_of_date() }}
    left join washed_by
        on
            as_reported.account_id = washed_by.account_id
            and as_reported.closed_lot_key = washed_by.closed_lot_key
    left join carried_from
        on
            as_reported.account_id = carried_from.account_id
            and as_reported.closed_lot_key = carried_from.closed_lot_key
)

select
    {{ as_of_date() }} as as_of_date,
    household_id,
    tax_unit_id,
    tax_year,
    account_id,
    closed_lot_key,
    part,
    security_id,
    case
        when term = 'short' and covered_status = 'COVERED' then 'A'
        when term = 'short' and covered_status = 'NONCOVERED' then 'B'
        when term = 'long' and covered_status = 'COVERED' then 'D'
        when term = 'long' and covered_status = 'NONCOVERED' then 'E'
    end as form_8949_box,
    trim(
        rtrim(rtrim(cast(quantity as varchar), '0'), '.') || ' ' || coalesce(security_name, symbol, '')
    ) as description,
    quantity,
    acquisition_date,
    holding_period_start_date,
    disposal_date,
    term,
    proceeds,
    case when is_basis_reported then custodian_cost_basis else cost_basis end as reported_cost_basis,
    nullif(
        concat(
            case when is_basis_reported and abs(cost_basis - custodian_cost_basis) >= 0.005 then 'B' end,
            -- Only long-term gain is gain from collectibles (28% Rate Gain Worksheet, line 1).
            case when is_collectible and term = 'long' then 'C' end,
            case when disallowed_loss > 0 then 'W' end
        ),
        ''
    ) as adjustment_code,
    cast(
        disallowed_loss
        + case when is_basis_reported then custodian_cost_basis - cost_basis else 0 end as decimal(24, 6)
    ) as adjustment_amount,
    recognized_gain,
    cost_basis,
    disallowed_loss,
    permanently_disallowed_loss,
    is_collectible,
    custodian_proceeds,
    custodian_cost_basis,
    custodian_disallowed_loss,
    custodian_gain,
    custodian_term,
    cast(recognized_gain - custodian_gain as decimal(24, 6)) as difference,
    nullif(
        concat_ws(
            '; ',
            case
                when lot_disallowed_kept >= 0.005
                    then
                        'the custodian disallowed $' || format('{:,.2f}', lot_disallowed_loss)
                        || case
                            when not counts_for_wash_sales
                                then ' in an account that is left out of wash sales'
                            else
                                ' for a purchase that may lie before the transactions that are known'
                                || coalesce(
                                    ' (from ' || strftime(history_from_date, '%Y-%m-%d') || ' on)', ''
                                )
                        end
                        || ': its amount is kept'
            end,
            case
                when lot_disallowed_kept >= 0.005 then washed_reason
                when disallowed_loss - custodian_disallowed_loss >= 0.005
                    then coalesce(washed_reason, 'a purchase in the household disallows the loss')
                when custodian_disallowed_loss - disallowed_loss >= 0.005
                    then
                        'the custodian disallowed $' || format('{:,.2f}', custodian_disallowed_loss)
                        || ', which the purchases of the whole household do not bear out'
            end,
            case
                when abs(cost_basis - custodian_cost_basis) >= 0.005
                    then
                        coalesce(
                            carried_reason, 'the custodian''s basis holds an adjustment that does not stand'
                        )
            end,
            case
                when custodian_term in ('short', 'long') and custodian_term <> term
                    then
                        'the custodian says ' || custodian_term || ' term, the dates say ' || term
                        || case
                            when holding_period_start_date < acquisition_date
                                then ' with the days of the replaced shares'
                            else ''
                        end
            end,
            case when cost_basis is null then 'the custodian does not state its cost' end,
            case when term is null then 'the term is not known' end,
            case
                when covered_status is null or covered_status not in ('COVERED', 'NONCOVERED')
                    then 'the custodian does not say whether it reports the cost'
            end
        ),
        ''
    ) as difference_reason,
    source_file_id,
    source_row_number,
    custodian_disallowed_kept,
    history_from_date,
    case when history_from_date <= disposal_date - 30 then 'known' else 'unknown' end as coverage
from compared

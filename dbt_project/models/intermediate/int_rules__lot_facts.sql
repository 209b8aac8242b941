-- Rules about what single lots say: their cost and its parts, their dates, whether they are covered, and
-- whether the custodian's own lists know them. What concerns tax is a rule in taxable accounts only. Rules
-- about lots against their position stand in int_rules__lots.
with lots as (
    select
        lots.*,
        coalesce(accounts.tax_treatment, 'taxable') = 'taxable' as is_taxable
    from {{ ref("int_lots__keyed") }} as lots
    inner join {{ ref("int_accounts__identified") }} as accounts on lots.account_id = accounts.account_id
),

-- What a custodian states of a lot beside its cost; most state nothing of it.
details as (
    select
        lots.*,
        received.amortization_adjustment,
        received.return_of_capital_adjustment
    from lots
    inner join {{ ref("stg_tax_lots") }} as received
        on
            lots.source_file_id = received.source_file_id
            and lots.source_row_number = received.source_row_number
    where
        lots.is_taxable
        and (
            received.amortization_adjustment is not null
            or received.return_of_capital_adjustment is not null
            or lots.wash_sale_adjustment is not null
            or lots.custodian_cost_basis_unadjusted is not null
        )
),

alternatives as (
    select distinct security_id from {{ ref("int_securities__classified") }}
    where asset_class = 'Alternatives'
),

securities as (
    select
        described.security_id,
        described.security_type,
        described.unit_factor,
        described.identity_group_id,
        prices.price,
        coalesce(
            make_date(described.covered_from_year, 1, 1),
            case
                when described.security_type in ('EQUITY', 'ETF') then date '2011-01-01'
                when described.security_type = 'MUTUAL_FUND' then date '2012-01-01'
                when
                    described.security_type = 'OPTION' or {{ is_debt("described.security_type") }}
                    then date '2014-01-01'
            end
        ) as covered_from_date,
        -- From when on a purchase that is not covered is a surprise. Debt of other than plain terms was
        -- covered two years later; trusts that hold metals or coins never are, and stand among the
        -- alternatives.
        coalesce(
            make_date(described.covered_from_year, 1, 1),
            case
                when alternatives.security_id is not null then null
                when described.security_type = 'EQUITY' then date '2011-01-01'
                when described.security_type in ('ETF', 'MUTUAL_FUND') then date '2012-01-01'
                when described.security_type = 'OPTION' then date '2014-01-01'
                when described.security_type in ('BOND_CORP', 'BOND_MUNI', 'BOND_TREASURY')
                    then date '2016-01-01'
            end
        ) as always_covered_from_date
    from {{ ref("int_securities__described") }} as described
    left join {{ ref("int_securities__priced") }} as prices on described.security_id = prices.security_id
    left join alternatives on described.security_id = alternatives.security_id
),

taxable_lots as (
    select
        lots.*,
        securities.security_type,
        securities.unit_factor,
        securities.identity_group_id,
        securities.price,
        securities.covered_from_date,
        securities.always_covered_from_date
    from lots
    inner join securities on lots.security_id = securities.security_id
    where lots.is_taxable
),

-- Masters that came tonight, whole books of their feed.
masters_of_accounts as (
    select distinct
        custodian,
        feed
    from {{ ref("stg_source_files") }}
    where as_of_date = {{ as_of_date() }} and entity = 'accounts' and row_count > 0
),

masters_of_securities as (
    select distinct
        custodian,
        feed
    from {{ ref("stg_source_files") }}
    where as_of_date = {{ as_of_date() }} and entity = 'securities' and row_count > 0
),

known_accounts as (
    select account_id from {{ ref("int_accounts__identified") }}
    where is_in_custodian_accounts
),

listed_securities as (
    select distinct
        master.custodian,
        identified.security_id
    from {{ ref("stg_securities") }} as master
    inner join {{ ref("int_securities__identified") }} as identified
        on master.security_key = identified.security_key
),

-- Accounts in which every lot was, it says, bought on this very day.
new_altogether as (
    select account_id
    from lots
    group by account_id
    having
        count(*) >= 3
        and count(distinct security_id) >= 2
        and bool_and(coalesce(stated_acquisition_date = {{ as_of_date() }}, false))
),

bought_tonight as (
    select distinct
        account_id,
        security_id
    from {{ ref("int_transactions__merged") }}
    where
        transaction_date = {{ as_of_date() }}
        and transaction_type in ('BUY', 'REINVEST', 'BUY_COVER', 'EXERCISE', 'ASSIGN')
),

-- Losses that can have caused an adjustment: sold at a loss by the people whose sales count together.
losses as (
    select
        accounts.wash_sale_group_id,
        securities.identity_group_id,
        closed.disposal_date,
        greatest(-coalesce(closed.realized_gain, 0), 0) + coalesce(abs(closed.disallowed_loss), 0) as loss
    from {{ ref("int_closed_lots__merged") }} as closed
    inner join {{ ref("int_accounts__identified") }} as accounts on closed.account_id = accounts.account_id
    inner join securities on closed.security_id = securities.security_id
    where closed.realized_gain < 0 or coalesce(closed.disallowed_loss, 0) <> 0
),

washed as (
    select
        lots.lot_id,
        sum(losses.loss) as loss
    from taxable_lots as lots
    inner join {{ ref("int_accounts__identified") }} as accounts on lots.account_id = accounts.account_id
    left join losses
        on
            accounts.wash_sale_group_id = losses.wash_sale_group_id
            and lots.identity_group_id = losses.identity_group_id
            and losses.disposal_date between lots.stated_acquisition_date - 30
            and lots.stated_acquisition_date + 30
    inner join {{ ref("int_transactions__coverage") }} as coverage
        on
            lots.account_id = coverage.account_id
            -- Of sales before the first file nothing is known.
            and coverage.history_from_date <= lots.stated_acquisition_date - 30
    where lots.wash_sale_flag or lots.wash_sale_adjustment > 0
    group by lots.lot_id
),

described as (
    select
        details.*,
        securities.security_type
    from details
    inner join securities on details.security_id = securities.security_id
),

parts as (
    select
        *,
        custodian_cost_basis_unadjusted
        + coalesce(wash_sale_adjustment, 0)
        + coalesce(amortization_adjustment, 0)
        - coalesce(return_of_capital_adjustment, 0) as sum_of_parts,
        wash_sale_adjustment is not null
        or amortization_adjustment is not null
        or return_of_capital_adjustment is not null as has_parts
    from described
),

broken as (
    select
        'lot_basis_is_unit_cost_times_quantity' as rule,
        *,
        unit_cost || ' x ' || quantity || ' against ' || custodian_cost_basis as observed,
        'The unit cost of the lot times its quantity is not its cost; ask the custodian which of the three '
        || 'is wrong. The lot is flagged.' as message
    from taxable_lots
    where
        unit_cost is not null
        -- Custodians state the unit cost of the adjusted or of the unadjusted cost, of debt per unit or
        -- per hundred of face, and round it to what they show.
        and least(
            abs(cast(abs(unit_cost * quantity) as double) * unit_factor - abs(custodian_cost_basis)),
            abs(cast(abs(unit_cost * quantity) as double) - abs(custodian_cost_basis)),
            abs(
                cast(abs(unit_cost * quantity) as double) * unit_factor
                - abs(coalesce(custodian_cost_basis_unadjusted, custodian_cost_basis))
            ),
            abs(
                cast(abs(unit_cost * quantity) as double)
                - abs(coalesce(custodian_cost_basis_unadjusted, custodian_cost_basis))
            )
        )
        > 0.01 + 0.0001 * abs(custodian_cost_basis)
        + abs(quantity) * case when unit_cost = round(unit_cost, 2) then 0.005 else 0.00005 end
    union all by name
    select
        'acquisition_dates_are_not_all_new' as rule,
        lots.*,
        strftime(lots.stated_acquisition_date, '%Y-%m-%d') || ' on every lot of the account' as observed,
        'Every lot of the account is said to be bought on the very day of the file, and no purchase is '
        || 'known: the custodian writes this where it does not know the date. Ask for the true dates. The '
        || 'lot is not sold.' as message
    from lots
    inner join new_altogether on lots.account_id = new_altogether.account_id
    left join bought_tonight
        on
            lots.account_id = bought_tonight.account_id
            and lots.security_id = bought_tonight.security_id
    where lots.is_taxable and bought_tonight.account_id is null
    union all by name
    select
        'lot_basis_is_above_zero' as rule,
        *,
        cast(stated_cost_basis as varchar) as observed,
        'The cost of the lot is zero, and it is no spin-off or gift; ask the custodian whether it is not '
        || 'known. The lot is flagged.' as message
    from taxable_lots
    where
        stated_cost_basis = 0
        and coalesce(acquisition_type, '') not in ('CORP_ACTION', 'GIFT')
        and coalesce(cost_basis_status, '') = 'present'
    union all by name
    select
        'covered_status_agrees_with_date' as rule,
        *,
        covered_status || ', acquired ' || strftime(acquisition_date, '%Y-%m-%d') as observed,
        case covered_status
            when 'COVERED'
                then 'The lot is marked as covered but was acquired before securities of its kind were'
            else 'The lot was bought when securities of its kind were covered, but is marked as not covered'
        end
        || '; ask the custodian which is right, as it decides what is reported of its cost. The lot is '
        || 'flagged.' as message
    from taxable_lots
    where
        (covered_status = 'COVERED' and acquisition_date < covered_from_date)
        or (
            covered_status = 'NONCOVERED'
            and acquisition_date >= always_covered_from_date
            and acquisition_type in ('PURCHASE', 'REINVEST')
            -- In a dividend plan a year later.
            and (acquisition_type <> 'REINVEST' or acquisition_date >= date '2012-01-01')
        )
    union all by name
    select
        'covered_status_agrees_with_account' as rule,
        account_id,
        min(custodian) as custodian,
        min(feed) as feed,
        min(source_file_id) as source_file_id,
        count(*) || ' covered lots' as observed,
        'No sale is reported with its cost in an account without tax on gains, but its lots are marked as '
        || 'covered; ask the custodian whether the account is coded as a taxable one. The account is '
        || 'flagged.' as message
    from lots
    where not is_taxable and covered_status = 'COVERED'
    group by account_id
    union all by name
    select
        'holding_period_start_is_explained' as rule,
        *,
        'held since ' || strftime(holding_period_start_date, '%Y-%m-%d') || ', acquired '
        || strftime(acquisition_date, '%Y-%m-%d') as observed,
        'The holding period of the lot begins at another date than its acquisition, and it is no wash sale, '
        || 'gift, inheritance or exchange; ask the custodian for the reason. The lot is flagged.' as message
    from taxable_lots
    where
        holding_period_start_date > acquisition_date
        or (
            holding_period_start_date < acquisition_date
            and not wash_sale_flag
            and coalesce(wash_sale_adjustment, 0) = 0
            and coalesce(acquisition_type, '') not in ('GIFT', 'INHERITED', 'TRANSFER', 'CORP_ACTION')
        )
    union all by name
    select
        'lot_basis_is_the_sum_of_its_parts' as rule,
        *,
        case
            when wash_sale_adjustment < 0 then 'a wash-sale adjustment of ' || wash_sale_adjustment
            else
                coalesce(cast(sum_of_parts as varchar), 'no unadjusted cost') || ' from its parts against '
                || custodian_cost_basis
        end as observed,
        'The cost of the lot is not its unadjusted cost plus disallowed losses and amortization, less '
        || 'returned capital; ask the custodian for the adjustment that is missing. The lot is flagged.'
            as message
    from parts
    where
        wash_sale_adjustment < 0
        or (
            abs(custodian_cost_basis - sum_of_parts) > 0.01
            and (
                has_parts
                -- Where no part is stated, a wash sale or the amortization of debt is the difference.
                or (not wash_sale_flag and not coalesce({{ is_debt("security_type") }}, false))
            )
        )
    union all by name
    select
        'wash_sale_has_its_loss' as rule,
        lots.*,
        coalesce(cast(lots.wash_sale_adjustment as varchar), 'an amount that is not stated')
        || ' disallowed, losses of ' || coalesce(washed.loss, 0) || ' within 30 days' as observed,
        'The lot carries a disallowed loss, but no sale at such a loss is known within 30 days of its '
        || 'purchase; ask the custodian for the sale. The lot is flagged.' as message
    from lots
    inner join washed on lots.lot_id = washed.lot_id
    where
        washed.loss is null
        or lots.wash_sale_adjustment > washed.loss + 0.01
    union all by name
    select
        'unit_cost_is_near_the_price' as rule,
        *,
        round(cast(custodian_cost_basis / quantity as double), 4) || ' against a price of '
        || round(price, 4) as observed,
        'The cost of one unit is more than 50 times the price, or less than a 50th of it; ask the custodian '
        || 'whether cost and quantity are of one unit (a split that was not applied, a cost per unit taken '
        || 'for the whole). The lot is flagged.' as message
    from taxable_lots
    where
        quantity <> 0
        and price > 0
        and custodian_cost_basis <> 0
        and coalesce(security_type, '') not in ('OPTION', 'FUTURE')
        and not (
            cast(abs(custodian_cost_basis / quantity) as double) / cast(price as double) between 0.02 and 50
        )
    union all by name
    select
        'lot_is_in_the_masters' as rule,
        lots.*,
        case
            when known_accounts.account_id is null and masters_of_accounts.custodian is not null
                then 'an account that is not in the list of accounts'
            else 'a security that is not in the list of securities'
        end as observed,
        'The lot names an account or a security that the custodian''s own lists of tonight do not hold; ask '
        || 'the custodian for whole lists. The lot is not sold.' as message
    from lots
    left join masters_of_accounts
        on
            lots.custodian = masters_of_accounts.custodian
            and lots.feed = masters_of_accounts.feed
    left join masters_of_securities
        on
            lots.custodian = masters_of_securities.custodian
            and lots.feed = masters_of_securities.feed
    left join known_accounts
        on lots.account_id = known_accounts.account_id
    left join listed_securities
        on
            lots.custodian = listed_securities.custodian
            and lots.security_id = listed_securities.security_id
    where
        (masters_of_accounts.custodian is not null and known_accounts.account_id is null)
        or (masters_of_securities.custodian is not null and listed_securities.security_id is null)
)

select
    rule,
    account_id,
    security_id,
    lot_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    observed,
    message
from broken

-- Which night the analysts' views show: the latest session whose newest version was published.
-- The views themselves (<mart>_current, one per mart) are made by the hooks below, in one go instead
-- of one node each: they are the marts' own columns, filtered. Their SQL names no database, so that
-- they work in every copy of this file under any name; and they look up the night when they are read,
-- since this very night is not yet recorded while dbt runs.
{% set marts = [
    'dim_households', 'dim_persons', 'dim_accounts', 'dim_securities', 'dim_security_asset_classes',
    'dim_model_securities', 'dim_security_custodians', 'fct_account_cash', 'fct_position_constraints',
    'fct_concentration_limits', 'fct_position_sources', 'fct_cash_flows', 'fct_required_distributions',
    'fct_household_drift',
    'fct_target_drift', 'fct_drift_summary', 'fct_household_settings', 'fct_data_quality_results', 'fct_open_exceptions', 'fct_overrides',
    'fct_data_quality_metrics',
    'fct_positions', 'fct_tax_lots', 'fct_wash_sale_matches', 'fct_wash_sale_windows', 'fct_rebalance_plans',
    'fct_recommended_trades',
    'fct_trade_lots', 'fct_trade_rationale', 'fct_tax_impact', 'fct_capital_gains_schedule', 'fct_plan_values', 'fct_tax_budget_frontier',
    'fct_plan_alternatives', 'fct_untraded_holdings', 'fct_allocation_comparison', 'fct_asset_location',
    'fct_trade_exceptions', 'fct_trade_decisions', 'fct_compliance_checks', 'fct_realized_gains', 'fct_fact_sources'
] %}
{% set hooks = [] %}
{% for mart in marts %}
    {% do hooks.append(
        'create or replace view marts.' ~ mart ~ '_current as select * from marts.' ~ mart
        ~ ' where as_of_date = (select as_of_date from marts.published_night_current)'
    ) %}
{% endfor %}
{{ config(post_hook=hooks) }}
{% for mart in marts %}
-- depends_on: {{ ref(mart) }}
{% endfor %}

with newest_versions as (

    select
        as_of_date,
        version,
        run_id,
        known_at,
        state,
        note
    from {{ source('ops', 'nights').include(database=false) }}
    qualify row_number() over (partition by as_of_date order by version desc, known_at desc) = 1

)

select
    as_of_date,
    version,
    run_id,
    known_at,
    state,
    note
from newest_versions
where state in ('complete', 'degraded')
qualify row_number() over (order by as_of_date desc) = 1

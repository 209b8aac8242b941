-- Which securities may which households not buy, or not sell at a loss, and until when?
select
    windows.household_id,
    windows.identity_group_id,
    string_agg(distinct securities.ticker, ', ' order by securities.ticker) as tickers,
    windows.no_buy_until_date,
    windows.no_loss_sale_until_date,
    windows.coverage,
    windows.caused_by
from {{ ref('fct_wash_sale_windows') }} as windows
left join {{ ref('dim_securities') }} as securities
    on
        windows.identity_group_id = securities.identity_group_id
        and windows.as_of_date = securities.as_of_date
where
    windows.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and greatest(windows.no_buy_until_date, windows.no_loss_sale_until_date) >= windows.as_of_date
group by all
order by windows.household_id, windows.identity_group_id

-- The people of the accounts as far as anybody needs to know them who reads what is published: initials and a
-- year tell them apart; names and dates of birth stay with the staged files.
{{ config(pre_hook="{{ drop_columns(['display_name', 'birth_date']) }}") }}

select
    {{ as_of_date() }} as as_of_date,
    person_id,
    array_to_string(
        list_transform(
            list_filter(string_split_regex(trim(display_name), '[\s,.]+'), word -> word <> ''),
            word -> upper(word[1]) || '.'
        ),
        ' '
    ) as initials,
    year(birth_date)::integer as birth_year,
    death_date
from {{ ref("stg_persons") }}
where person_id is not null
-- Two custodians may send the same person; the one whose row says more is kept.
qualify
    row_number() over (
        partition by person_id
        order by
            (birth_date is null)::integer + (display_name is null)::integer,
            custodian,
            source_file_id,
            source_row_number
    ) = 1

{#-
    Which rows of the raw tables state tonight's holdings. A file of changes (delivery mode DELTA) says
    what has changed since the last full file; the rows in effect are those of the full file, each
    replaced by the newest row of the same key. Nothing is carried into a night on which the feed
    delivered nothing. Chains with a missing link are told by int_feeds__delta_chains.
-#}

{#- Rows of a snapshot entity in effect tonight. `key` names the columns by which a change finds the row
    it replaces; like rows of one file stay apart. A change that names its security by more or fewer ids than
    the row before finds it only where the security is resolved: chain_position, null outside of chains, says
    there which of two rows is the newer. -#}
{% macro rows_in_effect(entity, key) -%}
    select
            received.*,
            cast(null as bigint) as chain_position
        from {{ source("raw", entity) }} as received
        where
            received.as_of_date = {{ as_of_date() }}
            and received.source_file_id not in (
                select files.source_file_id from {{ ref("stg_delivery_files") }} as files
                where files.entity = '{{ entity }}' and files.is_chain
            )
        union all
        select
            received.*,
            files.chain_position
        from {{ source("raw", entity) }} as received
        inner join {{ ref("stg_delivery_files") }} as files
            on
                received.as_of_date = files.as_of_date
                and received.source_file_id = files.source_file_id
                and files.entity = '{{ entity }}'
                and files.is_chain
        qualify
            rank() over (
                partition by
                    received.custodian,
                    received.feed
                    {%- for column in key %},
                    coalesce(upper(trim(received.{{ column }})), '')
                    {%- endfor %}
                    {%- if entity == "tax_lots" %},
                    -- A lot without an id cannot be found again by a change: it stands for itself.
                    case
                        when coalesce(trim(received.source_lot_id), '') = ''
                            then received.source_file_id || ':' || received.source_row_number
                    end
                    {%- endif %}
                order by files.chain_position desc
            ) = 1
{%- endmacro %}

{#- The sessions of the exchange up to tonight, oldest first, as far back as a chain of changes may go. -#}
{% macro recent_sessions() -%}
    select cast(unnest(string_split('{{ required_variable("recent_sessions") }}', ',')) as date)
{%- endmacro %}

{#- Names under which plans show an account that they wrap as if it were one holding. -#}
{% macro is_wrapper_name(column) -%}
    coalesce(
        regexp_matches(
            regexp_replace(upper({{ column }}), '[^A-Z]', '', 'g'),
            '^(BROKERAGELINK|SELFDIRECTEDBROKERAGE|PERSONALCHOICERETIREMENT|PCRA$|SDBA$)'
        ),
        false
    )
{%- endmacro %}

{#- Words of a class or a name that a trust holding bullion or coins would use; shares of companies that
    mine the metal are none. False where nothing is written. -#}
{% macro sounds_like_metal(column) -%}
    coalesce(
        regexp_matches(
            lower({{ column }}), '\b(gold|silver|platinum|palladium|bullion|precious[ -]metals?|coins?)\b'
        )
        and not regexp_matches(lower({{ column }}), '\b(miners?|mining|explorers?|producers?|equit(y|ies)|stocks?)\b'),
        false
    )
{%- endmacro %}

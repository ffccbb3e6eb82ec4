//! Where every field lies, as this compiler sees it: compared with the record of SDK 0.1, which the C
//! and C++ compilers are compared with too.
#![allow(deref_nullptr)]
use gantry_sdk::abi::*;
use std::collections::BTreeMap;
use std::mem::{size_of, MaybeUninit};

fn field<T, F>(base: *const T, field: *const F) -> (usize, usize) {
    (field as usize - base as usize, size_of::<F>())
}

macro_rules! layout {
    ($into:ident, $name:ident: $type:ty, $($field:ident as $text:expr),+) => {
        $into.insert(format!("STRUCT({})", stringify!($name)), size_of::<$type>().to_string());
        let value = MaybeUninit::<$type>::uninit();
        let base = value.as_ptr();
        $(
            // SAFETY: only the address is taken.
            let (offset, size) = field(base, unsafe { std::ptr::addr_of!((*base).$field) });
            $into.insert(format!("FIELD({}, {})", stringify!($name), $text), format!("{}, {}", offset, size));
        )+
    };
}

fn ours() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    layout!(all, gantry_amount: U256, limb as "limb");
    layout!(all, gantry_string: gantry_string, data as "data", size as "size");
    layout!(all, gantry_bytes: gantry_bytes, data as "data", size as "size");
    layout!(all, gantry_buffer: gantry_buffer, data as "data", capacity as "capacity", size as "size");
    layout!(all, gantry_error: gantry_error, code as "code", fault as "fault", message as "message");
    layout!(all, gantry_address: gantry_address, kind as "kind", length as "length", reserved as "reserved", bytes as "bytes");
    layout!(all, gantry_context: gantry_context, chain as "chain", state_block as "state_block", state_time_s as "state_time_s", execution_block as "execution_block", execution_time_s as "execution_time_s", base_fee as "base_fee", gas_price as "gas_price");
    layout!(all, gantry_host: gantry_host, self_ as "self", version as "version", log as "log", count as "count", observe as "observe", get_service as "get_service");
    layout!(all, gantry_parameter: gantry_parameter, name as "name", r#type as "type", reserved as "reserved", integer as "integer", number as "number", string as "string", amount as "amount");
    layout!(all, gantry_instance_config: gantry_instance_config, name as "name", chain as "chain", parameters as "parameters", parameter_count as "parameter_count", reserved as "reserved");
    layout!(all, gantry_plugin_entry: gantry_plugin_entry, magic as "magic", revision as "revision", reserved as "reserved", init as "init", deinit as "deinit", get_interface as "get_interface");
    layout!(all, gantry_http_header: gantry_http_header, name as "name", value as "value");
    layout!(all, gantry_http_request: gantry_http_request, method as "method", url as "url", headers as "headers", header_count as "header_count", timeout_ms as "timeout_ms", body as "body");
    layout!(all, gantry_request: gantry_request, source as "source", tag as "tag", target as "target", payload as "payload");
    layout!(all, gantry_fact: gantry_fact, source as "source", tag as "tag", status as "status", log_index as "log_index", block as "block", emitter as "emitter", topics as "topics", data as "data");
    layout!(all, gantry_request_sink: gantry_request_sink, self_ as "self", emit as "emit");
    layout!(all, gantry_state: gantry_state, chunks as "chunks", chunk_count as "chunk_count", reserved as "reserved");
    layout!(all, gantry_state_writer: gantry_state_writer, self_ as "self", chunk as "chunk");
    layout!(all, gantry_state_source_v1: gantry_state_source_v1, requests as "requests", apply as "apply");
    layout!(all, gantry_pool_token: gantry_pool_token, address as "address", decimals as "decimals", reserved as "reserved");
    layout!(all, gantry_pool_spec: gantry_pool_spec, address as "address", tokens as "tokens", token_count as "token_count", reserved as "reserved", metadata as "metadata");
    layout!(all, gantry_pool_traits: gantry_pool_traits, flags as "flags", overlay_bytes as "overlay_bytes", swap_gas as "swap_gas");
    layout!(all, gantry_swap: gantry_swap, amount as "amount", token_in as "token_in", token_out as "token_out", mode as "mode", wants as "wants");
    layout!(all, gantry_quote: gantry_quote, amount_in as "amount_in", amount_out as "amount_out", fee as "fee", gas as "gas", price_impact as "price_impact", fee_on_out as "fee_on_out", crossings as "crossings");
    layout!(all, gantry_swap_limits: gantry_swap_limits, in_min as "in_min", in_max as "in_max", out_max as "out_max");
    layout!(all, gantry_segment: gantry_segment, reserve_in as "reserve_in", reserve_out as "reserve_out", in_end as "in_end", fee as "fee", fee_denominator as "fee_denominator", flags as "flags", reserved as "reserved");
    layout!(all, gantry_pool_view: gantry_pool_view, fee as "fee", token_count as "token_count", balances as "balances");
    layout!(all, gantry_account_meta: gantry_account_meta, address as "address", flags as "flags", reserved as "reserved");
    layout!(all, gantry_instruction: gantry_instruction, target as "target", value as "value", data as "data", accounts as "accounts", account_count as "account_count", input as "input", spender as "spender", amount_in_offset as "amount_in_offset", amount_out_offset as "amount_out_offset", min_out_offset as "min_out_offset", min_out_enforced as "min_out_enforced", min_out as "min_out");
    layout!(all, gantry_instruction_sink: gantry_instruction_sink, self_ as "self", emit as "emit");
    layout!(all, gantry_swap_order: gantry_swap_order, swap as "swap", out as "out", min_out as "min_out", sender as "sender", recipient as "recipient", deadline_s as "deadline_s");
    layout!(all, gantry_pool_sink: gantry_pool_sink, self_ as "self", emit as "emit");
    layout!(all, gantry_pool_state: gantry_pool_state, base as "base", overlay as "overlay", context as "context");
    layout!(all, gantry_dex_v1: gantry_dex_v1, create as "create", destroy as "destroy", discover as "discover", open_pool as "open_pool", requests as "requests", apply as "apply", quote as "quote", quote_many as "quote_many", limits as "limits", segments as "segments", view as "view", build_swap as "build_swap", get_extension as "get_extension");
    layout!(all, gantry_token: gantry_token, address as "address", symbol as "symbol", decimals as "decimals", flags as "flags");
    layout!(all, gantry_pool: gantry_pool, address as "address", tokens as "tokens", token_count as "token_count", venue as "venue", traits as "traits", venue_priority as "venue_priority", usable as "usable");
    layout!(all, gantry_value: gantry_value, ether_wei as "ether_wei", usd_e6 as "usd_e6", age_blocks as "age_blocks", confidence as "confidence", status as "status", source as "source");
    layout!(all, gantry_hop: gantry_hop, pool as "pool", token_in as "token_in", token_out as "token_out", reserved as "reserved");
    layout!(all, gantry_route_quote: gantry_route_quote, amount_in as "amount_in", amount_out as "amount_out", amounts as "amounts", gas as "gas");
    layout!(all, gantry_price: gantry_price, bid as "bid", ask as "ask", time_s as "time_s", block as "block", liquidity as "liquidity", source as "source", reserved as "reserved");
    layout!(all, gantry_history_query: gantry_history_query, what as "what", token as "token", quote as "quote", other as "other", from_s as "from_s", to_s as "to_s", samples_max as "samples_max", reserved as "reserved");
    layout!(all, gantry_sample: gantry_sample, time_s as "time_s", value as "value");
    layout!(all, gantry_market_services: gantry_market_services, token as "token", pool as "pool", find_token as "find_token", quote as "quote", quote_many as "quote_many", limits as "limits", segments as "segments", view as "view", state as "state", quote_route as "quote_route", value as "value", price as "price", history as "history", balance as "balance");
    layout!(all, gantry_market: gantry_market, self_ as "self", services as "services", context as "context", snapshot as "snapshot", topology as "topology", token_count as "token_count", pool_count as "pool_count", venue_count as "venue_count", wrapped_token as "wrapped_token", changed_pools as "changed_pools", changed_count as "changed_count", cold as "cold", time_ms as "time_ms", pending as "pending");
    layout!(all, gantry_leg: gantry_leg, hop as "hop", amount_in as "amount_in", amount_out as "amount_out");
    layout!(all, gantry_opportunity: gantry_opportunity, key as "key", kind as "kind", flags as "flags", leg_count as "leg_count", token_in as "token_in", token_out as "token_out", reserved as "reserved", amount_in as "amount_in", amount_out as "amount_out", gas as "gas", block as "block", valid_until_block as "valid_until_block", expected_profit_bps as "expected_profit_bps", confidence as "confidence", risk_score as "risk_score", legs as "legs", data as "data");
    layout!(all, gantry_sizing_limits: gantry_sizing_limits, amount_in_max as "amount_in_max", pool_share_max_bps as "pool_share_max_bps", reserved as "reserved", gas_cost_wei as "gas_cost_wei", gas_overhead as "gas_overhead");
    layout!(all, gantry_opportunity_sink: gantry_opportunity_sink, self_ as "self", emit as "emit");
    layout!(all, gantry_outside_price: gantry_outside_price, token as "token", quote as "quote", bid as "bid", ask as "ask", time_ms as "time_ms", source as "source");
    layout!(all, gantry_event: gantry_event, kind as "kind", pool as "pool", sequence as "sequence", time_s as "time_s", payload as "payload");
    layout!(all, gantry_result: gantry_result, key as "key", block as "block", kind as "kind", reason as "reason", amount_in as "amount_in", amount_out as "amount_out");
    layout!(all, gantry_subscription_sink: gantry_subscription_sink, self_ as "self", events as "events", history as "history");
    layout!(all, gantry_strategy_v1: gantry_strategy_v1, create as "create", destroy as "destroy", subscribe as "subscribe", prepare as "prepare", find as "find", validate as "validate", size as "size", plan as "plan", on_event as "on_event", on_result as "on_result", save as "save", load as "load", get_extension as "get_extension");
    layout!(all, gantry_user_operation: gantry_user_operation, entry_point as "entry_point", entry_point_version as "entry_point_version", stub_signature as "stub_signature", sender as "sender", nonce as "nonce", factory as "factory", factory_data as "factory_data", call_data as "call_data", call_gas_limit as "call_gas_limit", verification_gas_limit as "verification_gas_limit", pre_verification_gas as "pre_verification_gas", max_fee_per_gas as "max_fee_per_gas", max_priority_fee_per_gas as "max_priority_fee_per_gas", signature as "signature", chain_id as "chain_id", paymaster as "paymaster", paymaster_data as "paymaster_data", paymaster_verification_gas_limit as "paymaster_verification_gas_limit", paymaster_post_op_gas_limit as "paymaster_post_op_gas_limit");
    layout!(all, gantry_http_sink: gantry_http_sink, self_ as "self", emit as "emit");
    layout!(all, gantry_sponsorship: gantry_sponsorship, outcome as "outcome", fee_mode as "fee_mode", paymaster as "paymaster", paymaster_data as "paymaster_data", paymaster_verification_gas_limit as "paymaster_verification_gas_limit", paymaster_post_op_gas_limit as "paymaster_post_op_gas_limit", call_gas_limit as "call_gas_limit", verification_gas_limit as "verification_gas_limit", pre_verification_gas as "pre_verification_gas", cost_max_wei as "cost_max_wei", submit_url as "submit_url", valid_until_s as "valid_until_s", retry_after_ms as "retry_after_ms", provider_code as "provider_code", provider_message as "provider_message", submit_headers as "submit_headers", submit_header_count as "submit_header_count", reserved as "reserved");
    layout!(all, gantry_paymaster_v1: gantry_paymaster_v1, create as "create", destroy as "destroy", supports as "supports", request as "request", response as "response", get_extension as "get_extension");
    macro_rules! constants { ($($name:ident),+) => { $(
        all.insert(format!("CONSTANT(GANTRY_{})", stringify!($name)), ($name as i64).to_string());
    )+ } }
    constants!(
        OK,
        NO_LIQUIDITY,
        OUT_OF_RANGE,
        NEED_SIZE,
        NEED_STATE,
        UNSUPPORTED,
        REFUSED,
        BAD_STATE,
        BAD_ARGUMENT,
        PLUGIN_FAULT,
        HOST_FAULT,
        FAULT_NONE,
        FAULT_PLUGIN,
        FAULT_HOST,
        FAULT_OPERATOR,
        FAULT_WORLD,
        ADDRESS_NONE,
        ADDRESS_EVM,
        ADDRESS_SOLANA,
        ADDRESS_NATIVE,
        ADDRESS_ID32,
        LOG_DEBUG,
        LOG_INFO,
        LOG_WARNING,
        LOG_ERROR,
        LOG_HOST_MISBEHAVING,
        PARAMETER_BOOLEAN,
        PARAMETER_INTEGER,
        PARAMETER_NUMBER,
        PARAMETER_STRING,
        PARAMETER_AMOUNT,
        PLUGIN_MAGIC,
        PLUGIN_REVISION,
        SOURCE_EVM_CALL,
        SOURCE_EVM_STORAGE,
        SOURCE_EVM_LOG,
        SOURCE_SOLANA_ACCOUNT,
        SOURCE_HTTP,
        SOURCE_EVM_CODE_HASH,
        SOURCE_EVM_LOG_RANGE,
        SOURCE_SOLANA_PROGRAM,
        OVERLAY_BYTES_MAX,
        POOL_EXACT_OUT,
        POOL_SEGMENTS,
        POOL_CALLBACK,
        POOL_APPROXIMATE,
        POOL_ONE_WAY,
        POOL_FOLLOWS_LOGS,
        EXACT_IN,
        EXACT_OUT,
        WANT_IMPACT,
        SEGMENT_EXACT,
        INPUT_TRANSFER,
        INPUT_APPROVE,
        INPUT_CALLBACK,
        INPUT_NATIVE,
        NO_OFFSET,
        LEGS_MAX,
        OWN_STATE,
        TOKEN_VALUED,
        TOKEN_WRAPPED,
        TOKEN_USD,
        TOKEN_AVOID,
        HISTORY_PRICE,
        HISTORY_VOLATILITY,
        HISTORY_CORRELATION,
        OPPORTUNITY_ARBITRAGE,
        OPPORTUNITY_BACKRUN,
        OPPORTUNITY_LIQUIDATION,
        OPPORTUNITY_POSITION,
        OPPORTUNITY_SIMULATE_ONLY,
        EVENT_PENDING_SWAP,
        EVENT_FILL,
        EVENT_BREAKER,
        EVENT_OUTSIDE_PRICE,
        RESULT_PLANNED,
        RESULT_REFUSED,
        RESULT_FILLED,
        RESULT_FAILED,
        SPONSOR_GRANTED,
        SPONSOR_RETRY_OTHER,
        SPONSOR_RETRY_SAME,
        SPONSOR_OUR_FAULT,
        SPONSOR_PROVISIONAL,
        FEE_PAYMASTER,
        FEE_ZERO
    );
    all
}

// "STRUCT(gantry_amount, 32)" as its name, "STRUCT(gantry_amount)", and what is said of it, "32".
fn recorded() -> BTreeMap<String, String> {
    include_str!("../../abi/0.1/layout.inc")
        .lines()
        .filter(|line| !line.starts_with("//"))
        .map(|line| {
            let text = line.trim_end_matches(')').trim_end_matches("LL");
            let words = if line.starts_with("FIELD") { 2 } else { 1 };
            let at = text.match_indices(", ").nth(words - 1).expect("a record names and says").0;
            (format!("{})", &text[..at]), String::from(&text[at + 2..]))
        })
        .collect()
}

#[test]
fn every_struct_and_constant_is_what_the_c_compiler_says() {
    let (ours, recorded) = (ours(), recorded());
    assert!(recorded.len() > 400, "{}", recorded.len());
    for (name, said) in &recorded {
        assert_eq!(ours.get(name), Some(said), "{}", name);
    }
    for name in ours.keys() {
        assert!(recorded.contains_key(name), "{} is in no header", name);
    }
}

//! The C tables and structs, field by field as the headers have them: what is in `gantry/*.h` under
//! the same name, constants without their prefix `GANTRY_`. Plugins use the safe types of the other
//! modules; the headers say what each call means. The tests compare every size, offset and value
//! with the C compiler's.
#![allow(non_camel_case_types, missing_docs)]
pub use crate::u256::U256;
use std::os::raw::{c_char, c_void};

pub type gantry_status = i32;

// ---- abi.h ----

pub const SDK_VERSION_MAJOR: u32 = 0;
pub const SDK_VERSION_MINOR: u32 = 1;
pub const SDK_VERSION_PATCH: u32 = 0;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_string {
    pub data: *const c_char,
    pub size: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_bytes {
    pub data: *const u8,
    pub size: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_buffer {
    pub data: *mut u8,
    pub capacity: u64,
    pub size: u64,
}

pub const OK: i32 = 0;
pub const NO_LIQUIDITY: i32 = 1;
pub const OUT_OF_RANGE: i32 = 2;
pub const NEED_SIZE: i32 = 3;
pub const NEED_STATE: i32 = 4;
pub const UNSUPPORTED: i32 = 5;
pub const REFUSED: i32 = 6;
pub const BAD_STATE: i32 = 7;
pub const BAD_ARGUMENT: i32 = 16;
pub const PLUGIN_FAULT: i32 = 17;
pub const HOST_FAULT: i32 = 18;
pub const FAULT_NONE: i32 = 0;
pub const FAULT_PLUGIN: i32 = 1;
pub const FAULT_HOST: i32 = 2;
pub const FAULT_OPERATOR: i32 = 3;
pub const FAULT_WORLD: i32 = 4;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct gantry_error {
    pub code: gantry_status,
    pub fault: i32,
    pub message: [c_char; 248],
}

pub const ADDRESS_NONE: u8 = 0;
pub const ADDRESS_EVM: u8 = 1;
pub const ADDRESS_SOLANA: u8 = 2;
pub const ADDRESS_NATIVE: u8 = 3;
pub const ADDRESS_ID32: u8 = 4;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_address {
    pub kind: u8,
    pub length: u8,
    pub reserved: [u8; 6],
    pub bytes: [u8; 32],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_context {
    pub chain: gantry_string,
    pub state_block: u64,
    pub state_time_s: u64,
    pub execution_block: u64,
    pub execution_time_s: u64,
    pub base_fee: U256,
    pub gas_price: U256,
}

// ---- plugin.h ----

pub const LOG_DEBUG: i32 = 1;
pub const LOG_INFO: i32 = 2;
pub const LOG_WARNING: i32 = 3;
pub const LOG_ERROR: i32 = 4;
pub const LOG_HOST_MISBEHAVING: i32 = 5;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_host {
    pub self_: *mut c_void,
    pub version: gantry_string,
    pub log: unsafe extern "C" fn(self_: *mut c_void, severity: i32, message: gantry_string),
    pub count: unsafe extern "C" fn(self_: *mut c_void, name: gantry_string, increment: u64),
    pub observe: unsafe extern "C" fn(self_: *mut c_void, name: gantry_string, value: f64),
    pub get_service: unsafe extern "C" fn(self_: *mut c_void, id: *const c_char) -> *const c_void,
}

pub const PARAMETER_BOOLEAN: i32 = 1;
pub const PARAMETER_INTEGER: i32 = 2;
pub const PARAMETER_NUMBER: i32 = 3;
pub const PARAMETER_STRING: i32 = 4;
pub const PARAMETER_AMOUNT: i32 = 5;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_parameter {
    pub name: gantry_string,
    pub r#type: i32,
    pub reserved: i32,
    pub integer: i64,
    pub number: f64,
    pub string: gantry_string,
    pub amount: U256,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_instance_config {
    pub name: gantry_string,
    pub chain: gantry_string,
    pub parameters: *const gantry_parameter,
    pub parameter_count: u32,
    pub reserved: u32,
}

pub const PLUGIN_MAGIC: u64 = 0x31595254414E4721;
pub const PLUGIN_REVISION: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_plugin_entry {
    pub magic: u64,
    pub revision: u32,
    pub reserved: u32,
    pub init:
        unsafe extern "C" fn(host: *const gantry_host, error: *mut gantry_error) -> gantry_status,
    pub deinit: unsafe extern "C" fn(),
    pub get_interface: unsafe extern "C" fn(id: *const c_char) -> *const c_void,
}

pub const PLUGIN_SYMBOL: &str = "gantry_plugin";
pub const MANIFEST_SECTION: &str = ".gantry_manifest";
pub const MANIFEST_MAGIC: &str = "GANTRYM1";

// ---- state.h ----

pub const SOURCE_EVM_CALL: i32 = 1;
pub const SOURCE_EVM_STORAGE: i32 = 2;
pub const SOURCE_EVM_LOG: i32 = 3;
pub const SOURCE_SOLANA_ACCOUNT: i32 = 4;
pub const SOURCE_HTTP: i32 = 5;
pub const SOURCE_EVM_CODE_HASH: i32 = 6;
pub const SOURCE_EVM_LOG_RANGE: i32 = 7;
pub const SOURCE_SOLANA_PROGRAM: i32 = 8;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_http_header {
    pub name: gantry_string,
    pub value: gantry_string,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_http_request {
    pub method: gantry_string,
    pub url: gantry_string,
    pub headers: *const gantry_http_header,
    pub header_count: u32,
    pub timeout_ms: u32,
    pub body: gantry_bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_request {
    pub source: i32,
    pub tag: u32,
    pub target: gantry_address,
    pub payload: gantry_bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_fact {
    pub source: i32,
    pub tag: u32,
    pub status: gantry_status,
    pub log_index: u32,
    pub block: u64,
    pub emitter: gantry_address,
    pub topics: gantry_bytes,
    pub data: gantry_bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_request_sink {
    pub self_: *mut c_void,
    pub emit:
        unsafe extern "C" fn(self_: *mut c_void, request: *const gantry_request) -> gantry_status,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_state {
    pub chunks: *const gantry_bytes,
    pub chunk_count: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_state_writer {
    pub self_: *mut c_void,
    pub chunk: unsafe extern "C" fn(self_: *mut c_void, index: u32, size: u64) -> *mut u8,
}

pub const STATE_SOURCE_ID: &str = "gantry.state/1";

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_state_source_v1 {
    pub requests: unsafe extern "C" fn(
        instance: *mut c_void,
        context: *const gantry_context,
        state: *const gantry_state,
        round: u32,
        sink: *const gantry_request_sink,
    ) -> gantry_status,
    pub apply: unsafe extern "C" fn(
        instance: *mut c_void,
        context: *const gantry_context,
        old: *const gantry_state,
        facts: *const gantry_fact,
        fact_count: u32,
        writer: *const gantry_state_writer,
    ) -> gantry_status,
}

// ---- dex.h ----

/// The plugin's own.
#[repr(C)]
pub struct gantry_dex_instance {
    _private: [u8; 0],
}

pub const DEX_ID: &str = "gantry.dex/1";

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_pool_token {
    pub address: gantry_address,
    pub decimals: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_pool_spec {
    pub address: gantry_address,
    pub tokens: *const gantry_pool_token,
    pub token_count: u32,
    pub reserved: u32,
    pub metadata: gantry_bytes,
}

pub const OVERLAY_BYTES_MAX: u32 = 4096;
pub const POOL_EXACT_OUT: u32 = 1;
pub const POOL_SEGMENTS: u32 = 2;
pub const POOL_CALLBACK: u32 = 4;
pub const POOL_APPROXIMATE: u32 = 8;
pub const POOL_ONE_WAY: u32 = 16;
pub const POOL_FOLLOWS_LOGS: u32 = 32;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_pool_traits {
    pub flags: u32,
    pub overlay_bytes: u32,
    pub swap_gas: u64,
}

pub const EXACT_IN: i32 = 0;
pub const EXACT_OUT: i32 = 1;
pub const WANT_IMPACT: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_swap {
    pub amount: U256,
    pub token_in: u32,
    pub token_out: u32,
    pub mode: i32,
    pub wants: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_quote {
    pub amount_in: U256,
    pub amount_out: U256,
    pub fee: U256,
    pub gas: u64,
    pub price_impact: f64,
    pub fee_on_out: u32,
    pub crossings: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_swap_limits {
    pub in_min: U256,
    pub in_max: U256,
    pub out_max: U256,
}

pub const SEGMENT_EXACT: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_segment {
    pub reserve_in: U256,
    pub reserve_out: U256,
    pub in_end: U256,
    pub fee: u32,
    pub fee_denominator: u32,
    pub flags: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_pool_view {
    pub fee: u32,
    pub token_count: u32,
    pub balances: *mut U256,
}

pub const INPUT_TRANSFER: i32 = 1;
pub const INPUT_APPROVE: i32 = 2;
pub const INPUT_CALLBACK: i32 = 3;
pub const INPUT_NATIVE: i32 = 4;
pub const NO_OFFSET: u32 = u32::MAX;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_account_meta {
    pub address: gantry_address,
    pub flags: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_instruction {
    pub target: gantry_address,
    pub value: U256,
    pub data: gantry_bytes,
    pub accounts: *const gantry_account_meta,
    pub account_count: u32,
    pub input: i32,
    pub spender: gantry_address,
    pub amount_in_offset: u32,
    pub amount_out_offset: u32,
    pub min_out_offset: u32,
    pub min_out_enforced: u32,
    pub min_out: U256,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_instruction_sink {
    pub self_: *mut c_void,
    pub emit: unsafe extern "C" fn(
        self_: *mut c_void,
        instruction: *const gantry_instruction,
    ) -> gantry_status,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_swap_order {
    pub swap: gantry_swap,
    pub out: U256,
    pub min_out: U256,
    pub sender: gantry_address,
    pub recipient: gantry_address,
    pub deadline_s: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_pool_sink {
    pub self_: *mut c_void,
    pub emit:
        unsafe extern "C" fn(self_: *mut c_void, spec: *const gantry_pool_spec) -> gantry_status,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_pool_state {
    pub base: gantry_state,
    pub overlay: gantry_bytes,
    pub context: *const gantry_context,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_dex_v1 {
    pub create: unsafe extern "C" fn(
        host: *const gantry_host,
        config: *const gantry_instance_config,
        out: *mut *mut gantry_dex_instance,
        error: *mut gantry_error,
    ) -> gantry_status,
    pub destroy: unsafe extern "C" fn(instance: *mut gantry_dex_instance),
    pub discover: unsafe extern "C" fn(
        instance: *mut gantry_dex_instance,
        context: *const gantry_context,
        cursor: gantry_bytes,
        facts: *const gantry_fact,
        fact_count: u32,
        requests: *const gantry_request_sink,
        pools: *const gantry_pool_sink,
        next_cursor: *mut gantry_buffer,
    ) -> gantry_status,
    pub open_pool: unsafe extern "C" fn(
        instance: *mut gantry_dex_instance,
        spec: *const gantry_pool_spec,
        writer: *const gantry_state_writer,
        out: *mut gantry_pool_traits,
        error: *mut gantry_error,
    ) -> gantry_status,
    pub requests: unsafe extern "C" fn(
        instance: *mut gantry_dex_instance,
        context: *const gantry_context,
        spec: *const gantry_pool_spec,
        state: *const gantry_state,
        round: u32,
        sink: *const gantry_request_sink,
    ) -> gantry_status,
    pub apply: unsafe extern "C" fn(
        instance: *mut gantry_dex_instance,
        context: *const gantry_context,
        old: *const gantry_state,
        facts: *const gantry_fact,
        fact_count: u32,
        writer: *const gantry_state_writer,
    ) -> gantry_status,
    pub quote: unsafe extern "C" fn(
        instance: *const gantry_dex_instance,
        state: *const gantry_pool_state,
        swap: *const gantry_swap,
        out: *mut gantry_quote,
        next: *mut gantry_buffer,
    ) -> gantry_status,
    pub quote_many: unsafe extern "C" fn(
        instance: *const gantry_dex_instance,
        state: *const gantry_pool_state,
        swaps: *const gantry_swap,
        count: u32,
        out: *mut gantry_quote,
        statuses: *mut gantry_status,
    ) -> gantry_status,
    pub limits: unsafe extern "C" fn(
        instance: *const gantry_dex_instance,
        state: *const gantry_pool_state,
        token_in: u32,
        token_out: u32,
        out: *mut gantry_swap_limits,
    ) -> gantry_status,
    pub segments: unsafe extern "C" fn(
        instance: *const gantry_dex_instance,
        state: *const gantry_pool_state,
        token_in: u32,
        token_out: u32,
        out: *mut gantry_segment,
        capacity: u32,
        count: *mut u32,
    ) -> gantry_status,
    pub view: unsafe extern "C" fn(
        instance: *const gantry_dex_instance,
        state: *const gantry_pool_state,
        out: *mut gantry_pool_view,
    ) -> gantry_status,
    pub build_swap: unsafe extern "C" fn(
        instance: *const gantry_dex_instance,
        spec: *const gantry_pool_spec,
        state: *const gantry_pool_state,
        order: *const gantry_swap_order,
        sink: *const gantry_instruction_sink,
    ) -> gantry_status,
    pub get_extension: unsafe extern "C" fn(
        instance: *const gantry_dex_instance,
        id: *const c_char,
    ) -> *const c_void,
}

// ---- market.h ----

pub const LEGS_MAX: u32 = 8;
pub const OWN_STATE: u32 = u32::MAX;
pub const TOKEN_VALUED: u32 = 1;
pub const TOKEN_WRAPPED: u32 = 2;
pub const TOKEN_USD: u32 = 4;
pub const TOKEN_AVOID: u32 = 8;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_token {
    pub address: gantry_address,
    pub symbol: gantry_string,
    pub decimals: u32,
    pub flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_pool {
    pub address: gantry_address,
    pub tokens: *const u32,
    pub token_count: u32,
    pub venue: u32,
    pub traits: gantry_pool_traits,
    pub venue_priority: i32,
    pub usable: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_value {
    pub ether_wei: U256,
    pub usd_e6: U256,
    pub age_blocks: u64,
    pub confidence: f64,
    pub status: gantry_status,
    pub source: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_hop {
    pub pool: u32,
    pub token_in: u32,
    pub token_out: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct gantry_route_quote {
    pub amount_in: U256,
    pub amount_out: U256,
    pub amounts: [U256; LEGS_MAX as usize + 1],
    pub gas: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_price {
    pub bid: f64,
    pub ask: f64,
    pub time_s: u64,
    pub block: u64,
    pub liquidity: U256,
    pub source: u32,
    pub reserved: u32,
}

pub const HISTORY_PRICE: i32 = 1;
pub const HISTORY_VOLATILITY: i32 = 2;
pub const HISTORY_CORRELATION: i32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_history_query {
    pub what: i32,
    pub token: u32,
    pub quote: u32,
    pub other: u32,
    pub from_s: u64,
    pub to_s: u64,
    pub samples_max: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_sample {
    pub time_s: u64,
    pub value: f64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_market_services {
    pub token: unsafe extern "C" fn(
        market: *const gantry_market,
        token: u32,
        out: *mut gantry_token,
    ) -> gantry_status,
    pub pool: unsafe extern "C" fn(
        market: *const gantry_market,
        pool: u32,
        out: *mut gantry_pool,
    ) -> gantry_status,
    pub find_token: unsafe extern "C" fn(
        market: *const gantry_market,
        address: *const gantry_address,
        out: *mut u32,
    ) -> gantry_status,
    pub quote: unsafe extern "C" fn(
        market: *const gantry_market,
        pool: u32,
        swap: *const gantry_swap,
        out: *mut gantry_quote,
    ) -> gantry_status,
    pub quote_many: unsafe extern "C" fn(
        market: *const gantry_market,
        pool: u32,
        swaps: *const gantry_swap,
        count: u32,
        out: *mut gantry_quote,
        statuses: *mut gantry_status,
    ) -> gantry_status,
    pub limits: unsafe extern "C" fn(
        market: *const gantry_market,
        pool: u32,
        token_in: u32,
        token_out: u32,
        out: *mut gantry_swap_limits,
    ) -> gantry_status,
    pub segments: unsafe extern "C" fn(
        market: *const gantry_market,
        pool: u32,
        token_in: u32,
        token_out: u32,
        out: *mut gantry_segment,
        capacity: u32,
        count: *mut u32,
    ) -> gantry_status,
    pub view: unsafe extern "C" fn(
        market: *const gantry_market,
        pool: u32,
        out: *mut gantry_pool_view,
    ) -> gantry_status,
    pub state: unsafe extern "C" fn(
        market: *const gantry_market,
        pool: u32,
        out: *mut gantry_state,
    ) -> gantry_status,
    pub quote_route: unsafe extern "C" fn(
        market: *const gantry_market,
        hops: *const gantry_hop,
        count: u32,
        amount: *const U256,
        mode: i32,
        out: *mut gantry_route_quote,
    ) -> gantry_status,
    pub value: unsafe extern "C" fn(
        market: *const gantry_market,
        token: u32,
        amount: *const U256,
        out: *mut gantry_value,
    ) -> gantry_status,
    pub price: unsafe extern "C" fn(
        market: *const gantry_market,
        token: u32,
        quote: u32,
        out: *mut gantry_price,
    ) -> gantry_status,
    pub history: unsafe extern "C" fn(
        market: *const gantry_market,
        query: *const gantry_history_query,
        out: *mut gantry_sample,
        capacity: u32,
        count: *mut u32,
    ) -> gantry_status,
    pub balance: unsafe extern "C" fn(
        market: *const gantry_market,
        token: u32,
        out: *mut U256,
    ) -> gantry_status,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_market {
    pub self_: *mut c_void,
    pub services: *const gantry_market_services,
    pub context: *const gantry_context,
    pub snapshot: u64,
    pub topology: u64,
    pub token_count: u32,
    pub pool_count: u32,
    pub venue_count: u32,
    pub wrapped_token: u32,
    pub changed_pools: *const u32,
    pub changed_count: u32,
    pub cold: u32,
    pub time_ms: u64,
    pub pending: u64,
}

// ---- strategy.h ----

/// The plugin's own.
#[repr(C)]
pub struct gantry_strategy_instance {
    _private: [u8; 0],
}

pub const STRATEGY_ID: &str = "gantry.strategy/1";
pub const OPPORTUNITY_ARBITRAGE: i32 = 1;
pub const OPPORTUNITY_BACKRUN: i32 = 2;
pub const OPPORTUNITY_LIQUIDATION: i32 = 3;
pub const OPPORTUNITY_POSITION: i32 = 4;
pub const OPPORTUNITY_SIMULATE_ONLY: u32 = 1;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_leg {
    pub hop: gantry_hop,
    pub amount_in: U256,
    pub amount_out: U256,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct gantry_opportunity {
    pub key: u64,
    pub kind: i32,
    pub flags: u32,
    pub leg_count: u32,
    pub token_in: u32,
    pub token_out: u32,
    pub reserved: u32,
    pub amount_in: U256,
    pub amount_out: U256,
    pub gas: u64,
    pub block: u64,
    pub valid_until_block: u64,
    pub expected_profit_bps: f64,
    pub confidence: f64,
    pub risk_score: f64,
    pub legs: [gantry_leg; LEGS_MAX as usize],
    pub data: [u8; 64],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_sizing_limits {
    pub amount_in_max: U256,
    pub pool_share_max_bps: u32,
    pub reserved: u32,
    pub gas_cost_wei: U256,
    pub gas_overhead: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_opportunity_sink {
    pub self_: *mut c_void,
    pub emit: unsafe extern "C" fn(
        self_: *mut c_void,
        opportunity: *const gantry_opportunity,
    ) -> gantry_status,
}

pub const EVENT_PENDING_SWAP: i32 = 1;
pub const EVENT_FILL: i32 = 2;
pub const EVENT_BREAKER: i32 = 3;
pub const EVENT_OUTSIDE_PRICE: i32 = 4;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_outside_price {
    pub token: u32,
    pub quote: u32,
    pub bid: f64,
    pub ask: f64,
    pub time_ms: u64,
    pub source: [c_char; 32],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_event {
    pub kind: i32,
    pub pool: u32,
    pub sequence: u64,
    pub time_s: u64,
    pub payload: gantry_bytes,
}

pub const RESULT_PLANNED: i32 = 1;
pub const RESULT_REFUSED: i32 = 2;
pub const RESULT_FILLED: i32 = 3;
pub const RESULT_FAILED: i32 = 4;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct gantry_result {
    pub key: u64,
    pub block: u64,
    pub kind: i32,
    pub reason: i32,
    pub amount_in: U256,
    pub amount_out: U256,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_subscription_sink {
    pub self_: *mut c_void,
    pub events: unsafe extern "C" fn(self_: *mut c_void, kind: i32) -> gantry_status,
    pub history: unsafe extern "C" fn(
        self_: *mut c_void,
        query: *const gantry_history_query,
        lookback_s: u64,
    ) -> gantry_status,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_strategy_v1 {
    pub create: unsafe extern "C" fn(
        host: *const gantry_host,
        config: *const gantry_instance_config,
        out: *mut *mut gantry_strategy_instance,
        error: *mut gantry_error,
    ) -> gantry_status,
    pub destroy: unsafe extern "C" fn(instance: *mut gantry_strategy_instance),
    pub subscribe: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        market: *const gantry_market,
        sink: *const gantry_subscription_sink,
    ) -> gantry_status,
    pub prepare: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        market: *const gantry_market,
        error: *mut gantry_error,
    ) -> gantry_status,
    pub find: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        market: *const gantry_market,
        sink: *const gantry_opportunity_sink,
    ) -> gantry_status,
    pub validate: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        market: *const gantry_market,
        opportunity: *const gantry_opportunity,
    ) -> gantry_status,
    pub size: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        market: *const gantry_market,
        opportunity: *const gantry_opportunity,
        limits: *const gantry_sizing_limits,
        out: *mut gantry_opportunity,
    ) -> gantry_status,
    pub plan: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        market: *const gantry_market,
        opportunity: *const gantry_opportunity,
        sink: *const gantry_instruction_sink,
    ) -> gantry_status,
    pub on_event: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        event: *const gantry_event,
    ) -> gantry_status,
    pub on_result: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        result: *const gantry_result,
    ) -> gantry_status,
    pub save: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        out: *mut gantry_buffer,
    ) -> gantry_status,
    pub load: unsafe extern "C" fn(
        instance: *mut gantry_strategy_instance,
        saved: gantry_bytes,
    ) -> gantry_status,
    pub get_extension: unsafe extern "C" fn(
        instance: *const gantry_strategy_instance,
        id: *const c_char,
    ) -> *const c_void,
}

// ---- paymaster.h ----

/// The plugin's own.
#[repr(C)]
pub struct gantry_paymaster_instance {
    _private: [u8; 0],
}

pub const PAYMASTER_ID: &str = "gantry.paymaster/1";

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_user_operation {
    pub entry_point: gantry_address,
    pub entry_point_version: u32,
    pub stub_signature: u32,
    pub sender: gantry_address,
    pub nonce: U256,
    pub factory: gantry_address,
    pub factory_data: gantry_bytes,
    pub call_data: gantry_bytes,
    pub call_gas_limit: U256,
    pub verification_gas_limit: U256,
    pub pre_verification_gas: U256,
    pub max_fee_per_gas: U256,
    pub max_priority_fee_per_gas: U256,
    pub signature: gantry_bytes,
    pub chain_id: u64,
    pub paymaster: gantry_address,
    pub paymaster_data: gantry_bytes,
    pub paymaster_verification_gas_limit: U256,
    pub paymaster_post_op_gas_limit: U256,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_http_sink {
    pub self_: *mut c_void,
    pub emit: unsafe extern "C" fn(
        self_: *mut c_void,
        request: *const gantry_http_request,
    ) -> gantry_status,
}

pub const SPONSOR_GRANTED: i32 = 1;
pub const SPONSOR_RETRY_OTHER: i32 = 2;
pub const SPONSOR_RETRY_SAME: i32 = 3;
pub const SPONSOR_OUR_FAULT: i32 = 4;
pub const SPONSOR_PROVISIONAL: i32 = 5;
pub const FEE_PAYMASTER: i32 = 1;
pub const FEE_ZERO: i32 = 2;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_sponsorship {
    pub outcome: i32,
    pub fee_mode: i32,
    pub paymaster: gantry_address,
    pub paymaster_data: gantry_bytes,
    pub paymaster_verification_gas_limit: U256,
    pub paymaster_post_op_gas_limit: U256,
    pub call_gas_limit: U256,
    pub verification_gas_limit: U256,
    pub pre_verification_gas: U256,
    pub cost_max_wei: U256,
    pub submit_url: gantry_string,
    pub valid_until_s: u64,
    pub retry_after_ms: u32,
    pub provider_code: i32,
    pub provider_message: gantry_string,
    pub submit_headers: *const gantry_http_header,
    pub submit_header_count: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gantry_paymaster_v1 {
    pub create: unsafe extern "C" fn(
        host: *const gantry_host,
        config: *const gantry_instance_config,
        out: *mut *mut gantry_paymaster_instance,
        error: *mut gantry_error,
    ) -> gantry_status,
    pub destroy: unsafe extern "C" fn(instance: *mut gantry_paymaster_instance),
    pub supports: unsafe extern "C" fn(
        instance: *mut gantry_paymaster_instance,
        context: *const gantry_context,
        operation: *const gantry_user_operation,
    ) -> gantry_status,
    pub request: unsafe extern "C" fn(
        instance: *mut gantry_paymaster_instance,
        context: *const gantry_context,
        operation: *const gantry_user_operation,
        round: u32,
        sink: *const gantry_http_sink,
    ) -> gantry_status,
    pub response: unsafe extern "C" fn(
        instance: *mut gantry_paymaster_instance,
        context: *const gantry_context,
        operation: *const gantry_user_operation,
        round: u32,
        http_status: u32,
        body: gantry_bytes,
        out: *mut gantry_sponsorship,
    ) -> gantry_status,
    pub get_extension: unsafe extern "C" fn(
        instance: *const gantry_paymaster_instance,
        id: *const c_char,
    ) -> *const c_void,
}

//! Fakes of the host for a plugin's unit tests. They drive the plugin through its C table, so that
//! the boundary is tested with it: [`FakeHost`] keeps what is logged and counted, [`FakePool`] holds
//! a venue's pool, [`FakeMarket`] is a snapshot of constant-product pairs.
//!
//! Not for plugins themselves: what breaks a promise of the boundary panics here.
use crate::abi;
use crate::host::{c_bytes, c_string, slice, text};
use crate::status::{Answer, Error, Status};
use crate::{dex, paymaster, strategy};
use crate::{
    Address, DexPlugin, Opportunity, Paymaster, PoolTraits, Quote, RouteQuote, SizingLimits, Swap,
    TradingStrategy, U256,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::raw::{c_char, c_void};
use std::rc::Rc;

/// A value of plain C data with all bits zero.
///
/// # Safety
/// All bits zero are a value of T.
unsafe fn zeroed<T>() -> T {
    // SAFETY: the caller's promise.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// An EVM address that ends in `last`, and begins with zeros.
pub fn address(last: u8) -> Address {
    let mut address = Address { kind: abi::ADDRESS_EVM, length: 20, ..Address::default() };
    address.bytes[19] = last;
    address
}

/// Block 100, quoted for block 101, gas at 20 gwei.
fn context() -> abi::gantry_context {
    abi::gantry_context {
        chain: c_string("eip155:1"),
        state_block: 100,
        state_time_s: 1_600_000_000,
        execution_block: 101,
        execution_time_s: 1_600_000_012,
        base_fee: U256::ZERO,
        gas_price: U256::from(20_000_000_000u64),
    }
}

// ---- host ----

#[derive(Default)]
struct Kept {
    lines: Vec<(i32, String)>,
    counters: BTreeMap<String, u64>,
    observed: Vec<(String, f64)>,
}

/// Keeps what a plugin logs, counts and observes.
#[derive(Clone)]
pub struct FakeHost {
    kept: Rc<RefCell<Kept>>,
    table: Rc<abi::gantry_host>,
}

impl Default for FakeHost {
    fn default() -> FakeHost {
        FakeHost::new()
    }
}

impl FakeHost {
    /// With nothing in it.
    pub fn new() -> FakeHost {
        let kept = Rc::new(RefCell::new(Kept::default()));
        let table = Rc::new(abi::gantry_host {
            self_: &*kept as *const RefCell<Kept> as *mut c_void,
            version: c_string("fake"),
            log: FakeHost::log,
            count: FakeHost::count,
            observe: FakeHost::observe,
            get_service: FakeHost::get_service,
        });
        FakeHost { kept, table }
    }
    /// Severity (`abi::LOG_*`) and text, in order.
    pub fn lines(&self) -> Vec<(i32, String)> {
        self.kept.borrow().lines.clone()
    }
    /// A counter's value; 0 when it was never counted.
    pub fn counted(&self, name: &str) -> u64 {
        self.kept.borrow().counters.get(name).copied().unwrap_or(0)
    }
    /// Names and values, in order.
    pub fn observed(&self) -> Vec<(String, f64)> {
        self.kept.borrow().observed.clone()
    }

    // SAFETY of the four: `host` is what new() put into the table, the texts are the plugin's for
    // the length of the call, and one thread runs a test.
    unsafe extern "C" fn log(host: *mut c_void, severity: i32, message: abi::gantry_string) {
        // SAFETY: as above.
        let (kept, line) = unsafe { (&*(host as *const RefCell<Kept>), text(message)) };
        kept.borrow_mut().lines.push((severity, line.into()));
    }
    unsafe extern "C" fn count(host: *mut c_void, name: abi::gantry_string, increment: u64) {
        // SAFETY: as above.
        let (kept, name) = unsafe { (&*(host as *const RefCell<Kept>), text(name)) };
        *kept.borrow_mut().counters.entry(name.into()).or_insert(0) += increment;
    }
    unsafe extern "C" fn observe(host: *mut c_void, name: abi::gantry_string, value: f64) {
        // SAFETY: as above.
        let (kept, name) = unsafe { (&*(host as *const RefCell<Kept>), text(name)) };
        kept.borrow_mut().observed.push((name.into(), value));
    }
    unsafe extern "C" fn get_service(_: *mut c_void, _: *const c_char) -> *const c_void {
        std::ptr::null()
    }
}

/// A parameter's value, as the host would have read it from the operator's file.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// true or false
    Boolean(bool),
    /// a whole number
    Integer(i64),
    /// a number
    Number(f64),
    /// a text, a choice, or a secret's ${NAME}
    Text(&'a str),
    /// an amount
    Amount(U256),
}

type Create<I> = unsafe extern "C" fn(
    *const abi::gantry_host,
    *const abi::gantry_instance_config,
    *mut *mut I,
    *mut abi::gantry_error,
) -> i32;

fn create<I>(
    host: &FakeHost,
    parameters: &[(&str, Value<'_>)],
    make: Create<I>,
) -> Result<*mut I, Error> {
    let parameters: Vec<abi::gantry_parameter> = parameters
        .iter()
        .map(|(name, value)| {
            // SAFETY: plain data.
            let mut parameter: abi::gantry_parameter = unsafe { zeroed() };
            parameter.name = c_string(name);
            match value {
                Value::Boolean(value) => {
                    parameter.r#type = abi::PARAMETER_BOOLEAN;
                    parameter.integer = i64::from(*value);
                }
                Value::Integer(value) => {
                    parameter.r#type = abi::PARAMETER_INTEGER;
                    parameter.integer = *value;
                }
                Value::Number(value) => {
                    parameter.r#type = abi::PARAMETER_NUMBER;
                    parameter.number = *value;
                }
                Value::Text(value) => {
                    parameter.r#type = abi::PARAMETER_STRING;
                    parameter.string = c_string(value);
                }
                Value::Amount(value) => {
                    parameter.r#type = abi::PARAMETER_AMOUNT;
                    parameter.amount = *value;
                }
            }
            parameter
        })
        .collect();
    let config = abi::gantry_instance_config {
        name: c_string("test"),
        chain: c_string("eip155:1"),
        parameters: parameters.as_ptr(),
        parameter_count: parameters.len() as u32,
        reserved: 0,
    };
    let mut instance = std::ptr::null_mut();
    // SAFETY: plain data.
    let mut error: abi::gantry_error = unsafe { zeroed() };
    // SAFETY: what create() asks for.
    answered(unsafe { make(&*host.table, &config, &mut instance, &mut error) }, &error)?;
    Ok(instance)
}

fn answered(code: i32, error: &abi::gantry_error) -> Result<(), Error> {
    Status::from_code(code).map_err(|status| {
        let bytes: Vec<u8> =
            error.message.iter().map(|c| *c as u8).take_while(|c| *c != 0).collect();
        Error { status, message: String::from_utf8_lossy(&bytes).into() }
    })
}

// ---- a venue's pool ----

/// A venue with one pool of two tokens, and the memory that a host would hold for it.
pub struct FakePool<P: DexPlugin> {
    instance: *mut abi::gantry_dex_instance,
    spec: abi::gantry_pool_spec,
    tokens: Box<[abi::gantry_pool_token; 2]>,
    /// What open() was told of the pool.
    pub traits: PoolTraits,
    chunks: BTreeMap<u32, Vec<u8>>,
    overlay: Vec<u8>,
    kind: std::marker::PhantomData<P>,
    _host: FakeHost, // outlives the instance
}

/// A request, copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// `abi::SOURCE_*`.
    pub source: i32,
    /// The plugin's own.
    pub tag: u32,
    /// Contract or account.
    pub target: Address,
    /// Calldata and the like.
    pub payload: Vec<u8>,
}

struct Writing {
    chunks: BTreeMap<u32, Vec<u8>>,
}

unsafe extern "C" fn write_chunk(writing: *mut c_void, index: u32, size: u64) -> *mut u8 {
    // SAFETY: made by writer_into() for the length of the call.
    let writing = unsafe { &mut *(writing as *mut Writing) };
    if index >= 64 || size == 0 || size > 1 << 20 {
        return std::ptr::null_mut();
    }
    let chunk = writing.chunks.entry(index).or_insert_with(|| vec![0; size as usize]);
    if chunk.len() as u64 != size {
        return std::ptr::null_mut();
    }
    chunk.as_mut_ptr()
}

fn writer_into(writing: &mut Writing) -> abi::gantry_state_writer {
    abi::gantry_state_writer { self_: writing as *mut Writing as *mut c_void, chunk: write_chunk }
}

unsafe extern "C" fn take_request(asked: *mut c_void, request: *const abi::gantry_request) -> i32 {
    // SAFETY: made by requests() for the length of the call.
    let (asked, request) = unsafe { (&mut *(asked as *mut Vec<Asked>), &*request) };
    // SAFETY: the plugin's for the length of the call.
    let payload = unsafe { slice(request.payload.data, request.payload.size) }.to_vec();
    asked.push(Asked { source: request.source, tag: request.tag, target: request.target, payload });
    abi::OK
}

impl<P: DexPlugin> FakePool<P> {
    const TABLE: abi::gantry_dex_v1 = dex::Face::<P>::TABLE;

    /// Makes the venue and takes on a pool of these decimals. `Err`: what either refused, with text.
    pub fn open(
        host: &FakeHost,
        parameters: &[(&str, Value<'_>)],
        decimals: [u32; 2],
    ) -> Result<Self, Error> {
        let instance = create(host, parameters, Self::TABLE.create)?;
        let token = |last, decimals| abi::gantry_pool_token {
            address: address(last),
            decimals,
            reserved: 0,
        };
        let tokens = Box::new([token(1, decimals[0]), token(2, decimals[1])]);
        let spec = abi::gantry_pool_spec {
            address: address(0xaa),
            tokens: tokens.as_ptr(),
            token_count: 2,
            reserved: 0,
            metadata: c_bytes(&[]),
        };
        let mut pool = FakePool {
            instance,
            spec,
            tokens,
            traits: PoolTraits::default(),
            chunks: BTreeMap::new(),
            overlay: Vec::new(),
            kind: std::marker::PhantomData,
            _host: host.clone(),
        };
        let mut writing = Writing { chunks: BTreeMap::new() };
        let writer = writer_into(&mut writing);
        // SAFETY: plain data.
        let mut error: abi::gantry_error = unsafe { zeroed() };
        // SAFETY: what open_pool() asks for.
        let code = unsafe {
            (Self::TABLE.open_pool)(instance, &pool.spec, &writer, &mut pool.traits, &mut error)
        };
        answered(code, &error)?;
        pool.chunks = writing.chunks;
        Ok(pool)
    }

    /// The pool's two tokens.
    pub fn tokens(&self) -> &[abi::gantry_pool_token; 2] {
        &self.tokens
    }

    fn views(&self) -> Vec<abi::gantry_bytes> {
        let count = self.chunks.keys().next_back().map_or(0, |last| last + 1);
        (0..count)
            .map(|index| c_bytes(self.chunks.get(&index).map_or(&[], |chunk| chunk)))
            .collect()
    }

    fn with_state<T>(&self, call: impl FnOnce(&abi::gantry_pool_state) -> T) -> T {
        let (views, context) = (self.views(), context());
        call(&abi::gantry_pool_state {
            base: abi::gantry_state {
                chunks: views.as_ptr(),
                chunk_count: views.len() as u32,
                reserved: 0,
            },
            overlay: c_bytes(&self.overlay),
            context: &context,
        })
    }

    /// What a round asks for.
    pub fn requests(&self, round: u32) -> Answer<Vec<Asked>> {
        let mut asked: Vec<Asked> = Vec::new();
        let sink = abi::gantry_request_sink {
            self_: &mut asked as *mut Vec<Asked> as *mut c_void,
            emit: take_request,
        };
        self.with_state(|state| {
            // SAFETY: what requests() asks for.
            Status::from_code(unsafe {
                let requests = Self::TABLE.requests;
                requests(self.instance, state.context, &self.spec, &state.base, round, &sink)
            })
        })?;
        Ok(asked)
    }

    /// Hands the answers to requests to apply(): tag and data of each. With `Ok` the next state is
    /// the pool's.
    pub fn feed(&mut self, answers: &[(u32, &[u8])]) -> Answer {
        let facts: Vec<abi::gantry_fact> = answers
            .iter()
            .map(|(tag, data)| abi::gantry_fact {
                source: abi::SOURCE_EVM_CALL,
                tag: *tag,
                status: abi::OK,
                log_index: 0,
                block: 100,
                emitter: address(0xaa),
                topics: c_bytes(&[]),
                data: c_bytes(data),
            })
            .collect();
        let mut writing = Writing { chunks: BTreeMap::new() };
        let writer = writer_into(&mut writing);
        self.with_state(|state| {
            // SAFETY: what apply() asks for.
            Status::from_code(unsafe {
                let apply = Self::TABLE.apply;
                apply(
                    self.instance,
                    state.context,
                    &state.base,
                    facts.as_ptr(),
                    facts.len() as u32,
                    &writer,
                )
            })
        })?;
        self.chunks.extend(writing.chunks);
        Ok(())
    }

    /// Quotes on the pool as it is.
    pub fn quote(&self, swap: &Swap) -> Answer<Quote> {
        let mut quote = Quote::default();
        self.with_state(|state| {
            // SAFETY: what quote() asks for.
            Status::from_code(unsafe {
                (Self::TABLE.quote)(self.instance, state, swap, &mut quote, std::ptr::null_mut())
            })
        })?;
        Ok(quote)
    }

    /// The same, and what follows is quoted on the pool after that swap.
    pub fn trade(&mut self, swap: &Swap) -> Answer<Quote> {
        let mut quote = Quote::default();
        let mut after = vec![0; self.traits.overlay_bytes as usize];
        let mut next =
            abi::gantry_buffer { data: after.as_mut_ptr(), capacity: after.len() as u64, size: 0 };
        self.with_state(|state| {
            // SAFETY: what quote() asks for.
            Status::from_code(unsafe {
                (Self::TABLE.quote)(self.instance, state, swap, &mut quote, &mut next)
            })
        })?;
        after.truncate(next.size as usize);
        self.overlay = after;
        Ok(quote)
    }

    /// What can be swapped.
    pub fn limits(&self, token_in: u32) -> Answer<abi::gantry_swap_limits> {
        let mut limits = abi::gantry_swap_limits::default();
        self.with_state(|state| {
            // SAFETY: what limits() asks for.
            Status::from_code(unsafe {
                (Self::TABLE.limits)(self.instance, state, token_in, 1 - token_in, &mut limits)
            })
        })?;
        Ok(limits)
    }
}

impl<P: DexPlugin> Drop for FakePool<P> {
    fn drop(&mut self) {
        // SAFETY: made by create(), and not used any more.
        unsafe { (Self::TABLE.destroy)(self.instance) }
    }
}

/// `amount` of token 0 or 1 goes in.
pub fn swap(amount: U256, token_in: u32) -> Swap {
    Swap { amount, token_in, token_out: 1 - token_in, mode: abi::EXACT_IN, wants: 0 }
}

// ---- a snapshot ----

/// A pair by the constant-product formula.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Handles.
    pub tokens: [u32; 2],
    /// In that order.
    pub reserves: [U256; 2],
    /// Parts of ten thousand, of what goes in.
    pub fee_bps: u32,
    /// As `gantry_pool.usable`.
    pub usable: bool,
}

impl Pair {
    // floor(in * (10000 - fee) * rOut / (rIn * 10000 + in * (10000 - fee))); what goes in and out is
    // then in the reserves.
    fn swap(&mut self, amount: U256, token_in: usize) -> Answer<U256> {
        let bps = |value: u32| U256::from(value);
        let kept = amount.checked_mul(bps(10_000 - self.fee_bps)).ok_or(Status::OutOfRange)?;
        let base = self.reserves[token_in]
            .checked_mul(bps(10_000))
            .and_then(|base| base.checked_add(kept));
        let base = base.ok_or(Status::OutOfRange)?;
        let out =
            kept.mul_div_floor(self.reserves[1 - token_in], base).ok_or(Status::NoLiquidity)?;
        if out.is_zero() {
            return Err(Status::NoLiquidity);
        }
        self.reserves[token_in] =
            self.reserves[token_in].checked_add(amount).ok_or(Status::OutOfRange)?;
        self.reserves[1 - token_in] =
            self.reserves[1 - token_in].checked_sub(out).ok_or(Status::NoLiquidity)?;
        Ok(out)
    }
}

/// A snapshot of pairs, with the services of a host. value() takes a price per token that the test
/// sets; what is not an exact-in quote, a route, a view, a value or a look-up is `Unsupported`.
#[derive(Default)]
pub struct FakeMarket {
    /// Symbol, decimals, and what a smallest unit is worth in wei (0: cannot be valued). The first
    /// is the wrapped coin.
    pub tokens: Vec<(String, u32, u64)>,
    /// The test's to change between snapshots.
    pub pairs: Vec<Pair>,
    /// Since the last snapshot; none: every pool counts as changed.
    pub changed: Vec<u32>,
    /// Increasing.
    pub snapshot: u64,
}

impl FakeMarket {
    /// Without tokens and pools.
    pub fn new() -> FakeMarket {
        FakeMarket::default()
    }
    /// Its handle.
    pub fn add_token(&mut self, symbol: &str, decimals: u32, wei_per_unit: u64) -> u32 {
        self.tokens.push((symbol.into(), decimals, wei_per_unit));
        self.tokens.len() as u32 - 1
    }
    /// Its handle.
    pub fn add_pair(&mut self, tokens: [u32; 2], reserves: [U256; 2], fee_bps: u32) -> u32 {
        self.pairs.push(Pair { tokens, reserves, fee_bps, usable: true });
        self.pairs.len() as u32 - 1
    }

    fn with<T>(&self, call: impl FnOnce(&abi::gantry_market) -> T) -> T {
        let mut context = context();
        context.state_block += self.snapshot;
        context.execution_block += self.snapshot;
        call(&abi::gantry_market {
            self_: self as *const FakeMarket as *mut c_void,
            services: &SERVICES,
            context: &context,
            snapshot: self.snapshot + 1,
            topology: 1,
            token_count: self.tokens.len() as u32,
            pool_count: self.pairs.len() as u32,
            venue_count: 1,
            wrapped_token: if self.tokens.is_empty() { u32::MAX } else { 0 },
            changed_pools: self.changed.as_ptr(),
            changed_count: self.changed.len() as u32,
            cold: u32::from(self.changed.is_empty()),
            time_ms: 0,
            pending: 0,
        })
    }

    fn usable(&self, pool: u32) -> Answer<Pair> {
        self.pairs.get(pool as usize).copied().filter(|pair| pair.usable).ok_or(Status::Refused)
    }

    fn route(&self, hops: &[abi::gantry_hop], amount: U256) -> Answer<RouteQuote> {
        if hops.is_empty() || hops.len() > abi::LEGS_MAX as usize {
            return Err(Status::BadArgument);
        }
        let mut pairs = self.pairs.clone();
        let mut route =
            RouteQuote { amount_in: amount, amount_out: amount, amounts: [U256::ZERO; 9], gas: 0 };
        route.amounts[0] = amount;
        for (i, hop) in hops.iter().enumerate() {
            let tokens = self.usable(hop.pool)?.tokens;
            let token_in = tokens
                .iter()
                .position(|token| *token == hop.token_in)
                .ok_or(Status::BadArgument)?;
            if tokens[1 - token_in] != hop.token_out {
                return Err(Status::BadArgument);
            }
            route.amount_out = pairs[hop.pool as usize].swap(route.amount_out, token_in)?;
            route.amounts[i + 1] = route.amount_out;
            route.gas += 100_000;
        }
        Ok(route)
    }
}

type Raw = *const abi::gantry_market;

// SAFETY of the services: `market` is what FakeMarket::with() made, and what is filled is the
// caller's.
fn of<'a>(market: Raw) -> &'a FakeMarket {
    // SAFETY: as above.
    unsafe { &*((*market).self_ as *const FakeMarket) }
}

fn fill<T>(out: *mut T, answer: Answer<T>) -> i32 {
    match answer {
        // SAFETY: as above.
        Ok(value) => unsafe {
            *out = value;
            abi::OK
        },
        Err(status) => status.code(),
    }
}

unsafe extern "C" fn token(market: Raw, token: u32, out: *mut abi::gantry_token) -> i32 {
    let known = of(market).tokens.get(token as usize).ok_or(Status::BadArgument);
    fill(
        out,
        known.map(|(symbol, decimals, wei)| abi::gantry_token {
            address: address(token as u8 + 1),
            symbol: c_string(symbol),
            decimals: *decimals,
            flags: if *wei == 0 { 0 } else { abi::TOKEN_VALUED },
        }),
    )
}

unsafe extern "C" fn pool(market: Raw, pool: u32, out: *mut abi::gantry_pool) -> i32 {
    let known = of(market).pairs.get(pool as usize).ok_or(Status::BadArgument);
    fill(
        out,
        known.map(|pair| abi::gantry_pool {
            address: address(0x80 + pool as u8),
            tokens: pair.tokens.as_ptr(),
            token_count: 2,
            venue: 0,
            traits: PoolTraits { flags: 0, overlay_bytes: 64, swap_gas: 100_000 },
            venue_priority: 0,
            usable: u32::from(pair.usable),
        }),
    )
}

unsafe extern "C" fn find_token(market: Raw, wanted: *const Address, out: *mut u32) -> i32 {
    // SAFETY: the caller's.
    let wanted = unsafe { &*wanted };
    let count = of(market).tokens.len() as u8;
    let found = (0..count).find(|token| address(token + 1) == *wanted);
    fill(out, found.map(u32::from).ok_or(Status::Unsupported))
}

unsafe extern "C" fn quote(market: Raw, pool: u32, swap: *const Swap, out: *mut Quote) -> i32 {
    // SAFETY: the caller's.
    let swap = unsafe { &*swap };
    let answer = of(market).usable(pool).and_then(|mut pair| {
        if swap.token_in > 1 || swap.token_out != 1 - swap.token_in {
            return Err(Status::BadArgument);
        }
        if swap.mode != abi::EXACT_IN {
            return Err(Status::Unsupported);
        }
        let amount_out = pair.swap(swap.amount, swap.token_in as usize)?;
        Ok(Quote { amount_in: swap.amount, amount_out, gas: 100_000, ..Quote::default() })
    });
    fill(out, answer)
}

unsafe extern "C" fn quote_many(
    market: Raw,
    pool: u32,
    swaps: *const Swap,
    count: u32,
    out: *mut Quote,
    statuses: *mut i32,
) -> i32 {
    for i in 0..count as usize {
        // SAFETY: the caller's arrays have `count` places.
        unsafe { *statuses.add(i) = quote(market, pool, swaps.add(i), out.add(i)) }
    }
    abi::OK
}

unsafe extern "C" fn limits(
    _: Raw,
    _: u32,
    _: u32,
    _: u32,
    _: *mut abi::gantry_swap_limits,
) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn segments(
    market: Raw,
    pool: u32,
    token_in: u32,
    token_out: u32,
    out: *mut abi::gantry_segment,
    capacity: u32,
    count: *mut u32,
) -> i32 {
    let pair = match of(market).usable(pool) {
        Ok(pair) if token_in < 2 && token_out == 1 - token_in => pair,
        Ok(_) => return abi::BAD_ARGUMENT,
        Err(status) => return status.code(),
    };
    let written = capacity.min(1);
    // SAFETY: the caller's, with room for `capacity`.
    unsafe {
        *count = written;
        if written > 0 {
            *out = abi::gantry_segment {
                reserve_in: pair.reserves[token_in as usize],
                reserve_out: pair.reserves[token_out as usize],
                in_end: U256::MAX,
                fee: pair.fee_bps,
                fee_denominator: 10_000,
                flags: abi::SEGMENT_EXACT,
                reserved: 0,
            };
        }
    }
    abi::OK
}

unsafe extern "C" fn view(market: Raw, pool: u32, out: *mut abi::gantry_pool_view) -> i32 {
    // SAFETY: the caller's, with room for `token_count`.
    unsafe {
        let pair = match of(market).usable(pool) {
            Ok(pair) => pair,
            Err(status) => return status.code(),
        };
        let room = (*out).token_count;
        (*out).token_count = 2;
        if room < 2 {
            return abi::NEED_SIZE;
        }
        (*out).fee = pair.fee_bps * 100;
        *(*out).balances = pair.reserves[0];
        *(*out).balances.add(1) = pair.reserves[1];
    }
    abi::OK
}

unsafe extern "C" fn state(_: Raw, _: u32, _: *mut abi::gantry_state) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn quote_route(
    market: Raw,
    hops: *const abi::gantry_hop,
    count: u32,
    amount: *const U256,
    mode: i32,
    out: *mut RouteQuote,
) -> i32 {
    if mode != abi::EXACT_IN {
        return abi::UNSUPPORTED;
    }
    // SAFETY: the caller's.
    let (hops, amount) = unsafe { (slice(hops, u64::from(count)), *amount) };
    fill(out, of(market).route(hops, amount))
}

unsafe extern "C" fn value(
    market: Raw,
    token: u32,
    amount: *const U256,
    out: *mut abi::gantry_value,
) -> i32 {
    // SAFETY: the caller's.
    let amount = unsafe { *amount };
    let answer =
        of(market).tokens.get(token as usize).ok_or(Status::BadArgument).and_then(|token| {
            let ether_wei = amount.checked_mul(U256::from(token.2)).filter(|_| token.2 != 0);
            Ok(abi::gantry_value {
                ether_wei: ether_wei.ok_or(Status::Unsupported)?,
                confidence: 1.0,
                source: u32::MAX,
                ..abi::gantry_value::default()
            })
        });
    fill(out, answer)
}

unsafe extern "C" fn price(_: Raw, _: u32, _: u32, _: *mut abi::gantry_price) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn history(
    _: Raw,
    _: *const abi::gantry_history_query,
    _: *mut abi::gantry_sample,
    _: u32,
    _: *mut u32,
) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn balance(_: Raw, _: u32, out: *mut U256) -> i32 {
    fill(out, Ok(U256::MAX))
}

static SERVICES: abi::gantry_market_services = abi::gantry_market_services {
    token,
    pool,
    find_token,
    quote,
    quote_many,
    limits,
    segments,
    view,
    state,
    quote_route,
    value,
    price,
    history,
    balance,
};

/// A strategy on fake snapshots.
pub struct FakeRun<P: TradingStrategy> {
    instance: *mut abi::gantry_strategy_instance,
    kind: std::marker::PhantomData<P>,
    _host: FakeHost, // outlives the instance
}

unsafe extern "C" fn take_found(found: *mut c_void, one: *const Opportunity) -> i32 {
    // SAFETY: made by find() for the length of the call.
    unsafe { (*(found as *mut Vec<Opportunity>)).push(*one) };
    abi::OK
}

impl<P: TradingStrategy> FakeRun<P> {
    const TABLE: abi::gantry_strategy_v1 = strategy::Face::<P>::TABLE;

    /// Makes the strategy.
    pub fn create(host: &FakeHost, parameters: &[(&str, Value<'_>)]) -> Result<Self, Error> {
        let instance = create(host, parameters, Self::TABLE.create)?;
        Ok(FakeRun { instance, kind: std::marker::PhantomData, _host: host.clone() })
    }
    /// The pools are new.
    pub fn prepare(&mut self, market: &FakeMarket) -> Result<(), Error> {
        // SAFETY: plain data.
        let mut error: abi::gantry_error = unsafe { zeroed() };
        // SAFETY: what prepare() asks for.
        let code =
            market.with(|raw| unsafe { (Self::TABLE.prepare)(self.instance, raw, &mut error) });
        answered(code, &error)
    }
    /// What it finds in a snapshot.
    pub fn find(&mut self, market: &FakeMarket) -> Answer<Vec<Opportunity>> {
        let mut found: Vec<Opportunity> = Vec::new();
        let sink = abi::gantry_opportunity_sink {
            self_: &mut found as *mut Vec<Opportunity> as *mut c_void,
            emit: take_found,
        };
        // SAFETY: what find() asks for.
        Status::from_code(
            market.with(|raw| unsafe { (Self::TABLE.find)(self.instance, raw, &sink) }),
        )?;
        Ok(found)
    }
    /// Whether one still holds.
    pub fn validate(&mut self, market: &FakeMarket, found: &Opportunity) -> Answer {
        // SAFETY: what validate() asks for.
        Status::from_code(
            market.with(|raw| unsafe { (Self::TABLE.validate)(self.instance, raw, found) }),
        )
    }
    /// Fits one to limits.
    pub fn size(
        &mut self,
        market: &FakeMarket,
        found: &Opportunity,
        limits: &SizingLimits,
    ) -> Answer<Opportunity> {
        let mut sized = Opportunity::default();
        // SAFETY: what size() asks for.
        let size =
            |raw: &_| unsafe { (Self::TABLE.size)(self.instance, raw, found, limits, &mut sized) };
        Status::from_code(market.with(size))?;
        Ok(sized)
    }
}

impl<P: TradingStrategy> Drop for FakeRun<P> {
    fn drop(&mut self) {
        // SAFETY: made by create(), and not used any more.
        unsafe { (Self::TABLE.destroy)(self.instance) }
    }
}

// ---- a paymaster's operation ----

/// A request that was emitted, copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// As "POST".
    pub method: String,
    /// With ${NAME} for secrets.
    pub url: String,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// Whole.
    pub body: Vec<u8>,
}

/// A paymaster and one operation: EntryPoint v0.7, call data of four bytes.
pub struct FakeSponsor<P: Paymaster> {
    instance: *mut abi::gantry_paymaster_instance,
    kind: std::marker::PhantomData<P>,
    _host: FakeHost, // outlives the instance
    /// The test's to change; what it points to is static.
    pub operation: abi::gantry_user_operation,
}

unsafe extern "C" fn take_sent(sent: *mut c_void, request: *const abi::gantry_http_request) -> i32 {
    // SAFETY: made by request() for the length of the call; what is in the request is the plugin's.
    unsafe {
        let request = &*request;
        let headers = slice(request.headers, u64::from(request.header_count));
        (*(sent as *mut Vec<Sent>)).push(Sent {
            method: text(request.method).into(),
            url: text(request.url).into(),
            headers: headers
                .iter()
                .map(|one| (text(one.name).into(), text(one.value).into()))
                .collect(),
            body: slice(request.body.data, request.body.size).to_vec(),
        });
    }
    abi::OK
}

impl<P: Paymaster> FakeSponsor<P> {
    const TABLE: abi::gantry_paymaster_v1 = paymaster::Face::<P>::TABLE;

    /// Makes the paymaster.
    pub fn create(host: &FakeHost, parameters: &[(&str, Value<'_>)]) -> Result<Self, Error> {
        let instance = create(host, parameters, Self::TABLE.create)?;
        // SAFETY: plain data.
        let mut operation: abi::gantry_user_operation = unsafe { zeroed() };
        operation.entry_point_version = 7;
        operation.sender = address(1);
        operation.call_data = c_bytes(&[1, 2, 3, 4]);
        operation.chain_id = 1;
        Ok(FakeSponsor { instance, kind: std::marker::PhantomData, _host: host.clone(), operation })
    }
    /// Whether it could sponsor.
    pub fn supports(&mut self) -> Answer {
        // SAFETY: what supports() asks for.
        Status::from_code(unsafe {
            (Self::TABLE.supports)(self.instance, &context(), &self.operation)
        })
    }
    /// What it sends in a round.
    pub fn request(&mut self, round: u32) -> Answer<Vec<Sent>> {
        let mut sent: Vec<Sent> = Vec::new();
        let sink = abi::gantry_http_sink {
            self_: &mut sent as *mut Vec<Sent> as *mut c_void,
            emit: take_sent,
        };
        // SAFETY: what request() asks for.
        Status::from_code(unsafe {
            (Self::TABLE.request)(self.instance, &context(), &self.operation, round, &sink)
        })?;
        Ok(sent)
    }
    /// What it makes of an answer: outcome and the most that it costs.
    pub fn response(&mut self, round: u32, http_status: u32, body: &[u8]) -> Answer<(i32, U256)> {
        // SAFETY: plain data, and what response() asks for.
        unsafe {
            let mut out: abi::gantry_sponsorship = zeroed();
            let body = c_bytes(body);
            let response = Self::TABLE.response;
            let code = response(
                self.instance,
                &context(),
                &self.operation,
                round,
                http_status,
                body,
                &mut out,
            );
            Status::from_code(code).map(|()| (out.outcome, out.cost_max_wei))
        }
    }
}

impl<P: Paymaster> Drop for FakeSponsor<P> {
    fn drop(&mut self) {
        // SAFETY: made by create(), and not used any more.
        unsafe { (Self::TABLE.destroy)(self.instance) }
    }
}

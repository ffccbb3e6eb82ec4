//! "gantry.dex/1": venues. The rules of each call are those of `gantry/dex.h`.
use crate::abi;
use crate::host::{bytes, c_bytes, code_of, guarded, guarded_with, slice, Borrowed};
use crate::{
    AccountMeta, Address, Answer, Config, Context, Error, Facts, Host, PoolToken, PoolTraits,
    Quote, RequestSink, Segment, State, StateWriter, Status, Swap, SwapLimits, SwapOrder, U256,
};
use std::marker::PhantomData;
use std::os::raw::{c_char, c_void};

/// A venue: says what a pool's state is, decodes it, and quotes swaps on it exactly. Calls other
/// than create() and open_pool() run on many threads at once, on one instance.
pub trait DexPlugin: Sized + Send + Sync {
    /// `Error::refused`: the parameters do not fit together.
    fn create(host: Host, config: &Config<'_>) -> Result<Self, Error>;
    /// Takes a pool on: writes what never changes of it. `Error::refused`: an unknown variant.
    fn open_pool(&self, spec: &PoolSpec<'_>, writer: &StateWriter<'_>)
        -> Result<PoolTraits, Error>;
    /// Emits what round `round` needs. `NeedState`: apply, then the next round.
    fn requests(
        &self,
        context: &Context<'_>,
        spec: &PoolSpec<'_>,
        state: &State<'_>,
        round: u32,
        sink: &RequestSink<'_>,
    ) -> Answer;
    /// Makes the next state from the old one and new facts.
    fn apply(
        &self,
        context: &Context<'_>,
        old: &State<'_>,
        facts: &Facts<'_>,
        writer: &StateWriter<'_>,
    ) -> Answer;
    /// Quotes one swap; `next`, when there is one, takes the pool after it. The hot call.
    fn quote(
        &self,
        state: &PoolState<'_>,
        swap: &Swap,
        next: Option<&mut Next<'_>>,
    ) -> Answer<Quote>;
    /// What can be swapped in this direction.
    fn limits(&self, state: &PoolState<'_>, token_in: u32, token_out: u32) -> Answer<SwapLimits>;
    /// Virtual reserves from the current price on, into `out`; how many.
    fn segments(
        &self,
        _state: &PoolState<'_>,
        _token_in: u32,
        _token_out: u32,
        _out: &mut [Segment],
    ) -> Answer<usize> {
        Err(Status::Unsupported)
    }
    /// Fee and balances now.
    fn view(&self, state: &PoolState<'_>) -> Answer<PoolView>;
    /// Emits the calls of one swap, in order.
    fn build_swap(
        &self,
        _spec: &PoolSpec<'_>,
        _state: &PoolState<'_>,
        _order: &SwapOrder,
        _sink: &InstructionSink<'_>,
    ) -> Answer {
        Err(Status::Unsupported)
    }
    /// Finds pools, in rounds; answers with the next cursor. Called where a chain is followed
    /// live.
    fn discover(
        &self,
        _context: &Context<'_>,
        _cursor: &[u8],
        _facts: &Facts<'_>,
        _requests: &RequestSink<'_>,
        _pools: &PoolSink<'_>,
        _next_cursor: &mut Next<'_>,
    ) -> Answer {
        Err(Status::Unsupported)
    }
}

/// Fee and what can be paid out, by token; at most eight tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct PoolView {
    /// Parts of a million.
    pub fee: u32,
    /// How many of `balances` count.
    pub token_count: u32,
    /// In the order of the pool's tokens.
    pub balances: [U256; 8],
}

/// What is known of a pool before its state is.
#[derive(Clone, Copy)]
pub struct PoolSpec<'a> {
    raw: &'a abi::gantry_pool_spec,
}

impl<'a> PoolSpec<'a> {
    /// # Safety
    /// What it points to lasts for 'a.
    pub(crate) unsafe fn new(raw: &'a abi::gantry_pool_spec) -> PoolSpec<'a> {
        PoolSpec { raw }
    }
    /// Contract, or id within its vault.
    pub fn address(&self) -> Address {
        self.raw.address
    }
    /// In the order of the pool's contract.
    pub fn tokens(&self) -> &'a [PoolToken] {
        // SAFETY: by the contract of new().
        unsafe { slice(self.raw.tokens, u64::from(self.raw.token_count)) }
    }
    /// The plugin's own, as it was emitted by discover(); may be empty.
    pub fn metadata(&self) -> &'a [u8] {
        // SAFETY: by the contract of new().
        unsafe { bytes(self.raw.metadata) }
    }
}

/// A pool now, or after the swaps that its overlay stands for.
#[derive(Clone, Copy)]
pub struct PoolState<'a> {
    raw: &'a abi::gantry_pool_state,
}

impl<'a> PoolState<'a> {
    /// # Safety
    /// What it points to lasts for 'a.
    pub(crate) unsafe fn new(raw: &'a abi::gantry_pool_state) -> PoolState<'a> {
        PoolState { raw }
    }
    /// As apply() wrote it.
    pub fn base(&self) -> State<'a> {
        // SAFETY: by the contract of new().
        unsafe { State::new(self.raw.base) }
    }
    /// As quote() wrote it into `next`; empty: the base itself.
    pub fn overlay(&self) -> &'a [u8] {
        // SAFETY: by the contract of new().
        unsafe { bytes(self.raw.overlay) }
    }
    /// The overlay, or else this chunk of the base: for venues that use one layout for both.
    pub fn overlay_or_chunk(&self, index: usize) -> &'a [u8] {
        let overlay = self.overlay();
        if overlay.is_empty() {
            self.base().chunk(index)
        } else {
            overlay
        }
    }
    /// Chain, blocks and times.
    pub fn context(&self) -> Context<'a> {
        // SAFETY: by the contract of new(); the context is never null.
        unsafe { Context::new(&*self.raw.context) }
    }
}

/// Memory of the caller's for the pool after a swap.
pub struct Next<'a> {
    raw: &'a mut abi::gantry_buffer,
}

impl<'a> Next<'a> {
    /// # Safety
    /// The buffer's memory is writable for 'a.
    pub(crate) unsafe fn new(raw: &'a mut abi::gantry_buffer) -> Next<'a> {
        Next { raw }
    }
    /// `NeedSize`: there is too little room; the host is told how much is needed.
    pub fn write(&mut self, content: &[u8]) -> Answer {
        self.raw.size = content.len() as u64;
        if self.raw.capacity < self.raw.size {
            return Err(Status::NeedSize);
        }
        if !content.is_empty() {
            // SAFETY: by the contract of new(), and there is room.
            unsafe { std::ptr::copy_nonoverlapping(content.as_ptr(), self.raw.data, content.len()) }
        }
        Ok(())
    }
}

/// One EVM call or Solana instruction.
#[derive(Clone, Copy)]
pub struct Instruction<'a> {
    /// Contract or program.
    pub target: Address,
    /// Of the chain's coin.
    pub value: U256,
    /// Calldata or instruction data.
    pub data: &'a [u8],
    /// Of a Solana instruction.
    pub accounts: &'a [AccountMeta],
    /// `abi::INPUT_*`.
    pub input: i32,
    /// Who is approved, or gets the transfer.
    pub spender: Address,
    /// Where in `data` the amount in stands; `abi::NO_OFFSET`: nowhere. So also the others.
    pub amount_in_offset: u32,
    /// For pairs that are told what to pay.
    pub amount_out_offset: u32,
    /// Of the least that is taken.
    pub min_out_offset: u32,
    /// Whether the call itself reverts below it.
    pub min_out_enforced: bool,
    /// The least that is taken.
    pub min_out: U256,
}

/// Where build_swap() and plan() put their calls.
pub struct InstructionSink<'a> {
    raw: &'a abi::gantry_instruction_sink,
}

impl<'a> InstructionSink<'a> {
    /// # Safety
    /// The sink may be used for 'a.
    pub(crate) unsafe fn new(raw: &'a abi::gantry_instruction_sink) -> InstructionSink<'a> {
        InstructionSink { raw }
    }
    /// The host takes a copy. `Refused`: over the bound on calls, bytes or accounts.
    pub fn emit(&self, call: &Instruction<'_>) -> Answer {
        let raw = abi::gantry_instruction {
            target: call.target,
            value: call.value,
            data: c_bytes(call.data),
            accounts: call.accounts.as_ptr(),
            account_count: call.accounts.len() as u32,
            input: call.input,
            spender: call.spender,
            amount_in_offset: call.amount_in_offset,
            amount_out_offset: call.amount_out_offset,
            min_out_offset: call.min_out_offset,
            min_out_enforced: u32::from(call.min_out_enforced),
            min_out: call.min_out,
        };
        // SAFETY: the host's own function, by the contract of new().
        Status::from_code(unsafe { (self.raw.emit)(self.raw.self_, &raw) })
    }
}

/// Where discover() puts the pools that it found.
pub struct PoolSink<'a> {
    raw: &'a abi::gantry_pool_sink,
    life: Borrowed<'a>,
}

impl<'a> PoolSink<'a> {
    /// The host takes a copy. `Refused`: the operator does not want it, or the bound is reached.
    pub fn emit(&self, address: Address, tokens: &[PoolToken], metadata: &[u8]) -> Answer {
        let raw = abi::gantry_pool_spec {
            address,
            tokens: tokens.as_ptr(),
            token_count: tokens.len() as u32,
            reserved: 0,
            metadata: c_bytes(metadata),
        };
        // SAFETY: the host's own function; made by discover() for the length of its call.
        Status::from_code(unsafe { (self.raw.emit)(self.raw.self_, &raw) })
    }
}

/// The C functions of one venue type. Every argument is the host's, and is what `dex.h` says: that is
/// what each SAFETY of this block rests on.
pub(crate) struct Face<P>(PhantomData<P>);

type Instance = abi::gantry_dex_instance;

impl<P: DexPlugin> Face<P> {
    pub(crate) const TABLE: abi::gantry_dex_v1 = abi::gantry_dex_v1 {
        create: Self::create,
        destroy: Self::destroy,
        discover: Self::discover,
        open_pool: Self::open_pool,
        requests: Self::requests,
        apply: Self::apply,
        quote: Self::quote,
        quote_many: Self::quote_many,
        limits: Self::limits,
        segments: Self::segments,
        view: Self::view,
        build_swap: Self::build_swap,
        get_extension: Self::get_extension,
    };

    /// # Safety
    /// `instance` came from create() and was not destroyed.
    unsafe fn plugin<'a>(instance: *const Instance) -> &'a P {
        // SAFETY: the caller's promise.
        unsafe { &*instance.cast::<P>() }
    }

    unsafe extern "C" fn create(
        host: *const abi::gantry_host,
        config: *const abi::gantry_instance_config,
        out: *mut *mut Instance,
        error: *mut abi::gantry_error,
    ) -> i32 {
        // SAFETY: see Face.
        unsafe {
            guarded_with(error, abi::FAULT_OPERATOR, || {
                let plugin = P::create(Host::new(host), &Config::new(&*config))?;
                *out = Box::into_raw(Box::new(plugin)).cast();
                Ok(())
            })
        }
    }

    unsafe extern "C" fn destroy(instance: *mut Instance) {
        if !instance.is_null() {
            guarded(|| {
                // SAFETY: see Face; it was made by create().
                drop(unsafe { Box::from_raw(instance.cast::<P>()) });
                Ok(())
            });
        }
    }

    unsafe extern "C" fn discover(
        instance: *mut Instance,
        context: *const abi::gantry_context,
        cursor: abi::gantry_bytes,
        facts: *const abi::gantry_fact,
        fact_count: u32,
        requests: *const abi::gantry_request_sink,
        pools: *const abi::gantry_pool_sink,
        next_cursor: *mut abi::gantry_buffer,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            Self::plugin(instance).discover(
                &Context::new(&*context),
                bytes(cursor),
                &Facts::new(facts, fact_count),
                &RequestSink::new(&*requests),
                &PoolSink { raw: &*pools, life: PhantomData },
                &mut Next::new(&mut *next_cursor),
            )
        })
    }

    unsafe extern "C" fn open_pool(
        instance: *mut Instance,
        spec: *const abi::gantry_pool_spec,
        writer: *const abi::gantry_state_writer,
        out: *mut PoolTraits,
        error: *mut abi::gantry_error,
    ) -> i32 {
        // SAFETY: see Face.
        unsafe {
            guarded_with(error, abi::FAULT_WORLD, || {
                *out = Self::plugin(instance)
                    .open_pool(&PoolSpec::new(&*spec), &StateWriter::new(writer))?;
                Ok(())
            })
        }
    }

    unsafe extern "C" fn requests(
        instance: *mut Instance,
        context: *const abi::gantry_context,
        spec: *const abi::gantry_pool_spec,
        state: *const abi::gantry_state,
        round: u32,
        sink: *const abi::gantry_request_sink,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            Self::plugin(instance).requests(
                &Context::new(&*context),
                &PoolSpec::new(&*spec),
                &State::new(*state),
                round,
                &RequestSink::new(&*sink),
            )
        })
    }

    unsafe extern "C" fn apply(
        instance: *mut Instance,
        context: *const abi::gantry_context,
        old: *const abi::gantry_state,
        facts: *const abi::gantry_fact,
        fact_count: u32,
        writer: *const abi::gantry_state_writer,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            Self::plugin(instance).apply(
                &Context::new(&*context),
                &State::new(*old),
                &Facts::new(facts, fact_count),
                &StateWriter::new(writer),
            )
        })
    }

    unsafe extern "C" fn quote(
        instance: *const Instance,
        state: *const abi::gantry_pool_state,
        swap: *const Swap,
        out: *mut Quote,
        next: *mut abi::gantry_buffer,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            let mut next = next.as_mut().map(|buffer| Next::new(buffer));
            *out = Self::plugin(instance).quote(&PoolState::new(&*state), &*swap, next.as_mut())?;
            Ok(())
        })
    }

    unsafe extern "C" fn quote_many(
        instance: *const Instance,
        state: *const abi::gantry_pool_state,
        swaps: *const Swap,
        count: u32,
        out: *mut Quote,
        statuses: *mut i32,
    ) -> i32 {
        // SAFETY: see Face; `out` and `statuses` have `count` places.
        guarded(|| unsafe {
            let state = PoolState::new(&*state);
            let mut undecoded = 0;
            for (i, swap) in slice(swaps, u64::from(count)).iter().enumerate() {
                let answer = Self::plugin(instance)
                    .quote(&state, swap, None)
                    .map(|quote| *out.add(i) = quote);
                undecoded += u32::from(answer == Err(Status::BadState));
                *statuses.add(i) = code_of(answer);
            }
            if count != 0 && undecoded == count {
                Err(Status::BadState)
            } else {
                Ok(())
            }
        })
    }

    unsafe extern "C" fn limits(
        instance: *const Instance,
        state: *const abi::gantry_pool_state,
        token_in: u32,
        token_out: u32,
        out: *mut SwapLimits,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            *out = Self::plugin(instance).limits(&PoolState::new(&*state), token_in, token_out)?;
            Ok(())
        })
    }

    unsafe extern "C" fn segments(
        instance: *const Instance,
        state: *const abi::gantry_pool_state,
        token_in: u32,
        token_out: u32,
        out: *mut Segment,
        capacity: u32,
        count: *mut u32,
    ) -> i32 {
        // SAFETY: see Face; the array is written whole before it is read as one.
        guarded(|| unsafe {
            let room: &mut [Segment] = if capacity == 0 {
                &mut []
            } else {
                std::ptr::write_bytes(out, 0, capacity as usize);
                std::slice::from_raw_parts_mut(out, capacity as usize)
            };
            let most = room.len();
            let written = Self::plugin(instance).segments(
                &PoolState::new(&*state),
                token_in,
                token_out,
                room,
            )?;
            if written > most {
                return Err(Status::PluginFault);
            }
            *count = written as u32;
            Ok(())
        })
    }

    unsafe extern "C" fn view(
        instance: *const Instance,
        state: *const abi::gantry_pool_state,
        out: *mut abi::gantry_pool_view,
    ) -> i32 {
        // SAFETY: see Face; `balances` has room for `token_count`.
        guarded(|| unsafe {
            let view = Self::plugin(instance).view(&PoolState::new(&*state))?;
            let count = view.token_count as usize;
            let room = (*out).token_count as usize;
            if count > view.balances.len() {
                return Err(Status::PluginFault);
            }
            (*out).token_count = view.token_count;
            if room < count {
                return Err(Status::NeedSize);
            }
            (*out).fee = view.fee;
            std::ptr::copy_nonoverlapping(view.balances.as_ptr(), (*out).balances, count);
            Ok(())
        })
    }

    unsafe extern "C" fn build_swap(
        instance: *const Instance,
        spec: *const abi::gantry_pool_spec,
        state: *const abi::gantry_pool_state,
        order: *const SwapOrder,
        sink: *const abi::gantry_instruction_sink,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            Self::plugin(instance).build_swap(
                &PoolSpec::new(&*spec),
                &PoolState::new(&*state),
                &*order,
                &InstructionSink::new(&*sink),
            )
        })
    }

    unsafe extern "C" fn get_extension(_: *const Instance, _: *const c_char) -> *const c_void {
        std::ptr::null()
    }
}

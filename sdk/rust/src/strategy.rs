//! "gantry.strategy/1": finds trades in a snapshot. The rules of each call are those of
//! `gantry/strategy.h`.
use crate::abi;
use crate::host::{bytes, guarded, guarded_with};
use crate::{
    Answer, Config, Error, HistoryQuery, Host, InstructionSink, Market, Next, Opportunity,
    SizingLimits, Status, TradeResult,
};
use std::marker::PhantomData;
use std::os::raw::{c_char, c_void};

/// Where save() writes the instance's memory.
pub type Saved<'a> = Next<'a>;

/// A strategy: one thread at a time calls an instance.
pub trait TradingStrategy: Sized + Send {
    /// `Error::refused`: the parameters do not fit together.
    fn create(host: Host, config: &Config<'_>) -> Result<Self, Error>;
    /// Says which events and history it wants.
    fn subscribe(&mut self, _market: &Market<'_>, _sink: &SubscriptionSink<'_>) -> Answer {
        Ok(())
    }
    /// The topology is new: build indexes. The only call that may allocate.
    fn prepare(&mut self, _market: &Market<'_>) -> Result<(), Error> {
        Ok(())
    }
    /// Emits the opportunities that this snapshot created or changed.
    fn find(&mut self, market: &Market<'_>, sink: &OpportunitySink<'_>) -> Answer;
    /// Whether one still holds. By default: while its route pays no less than it did.
    fn validate(&mut self, market: &Market<'_>, opportunity: &Opportunity) -> Answer {
        let legs =
            opportunity.legs.get(..opportunity.leg_count as usize).ok_or(Status::BadArgument)?;
        let mut hops = [abi::gantry_hop::default(); abi::LEGS_MAX as usize];
        for (hop, leg) in hops.iter_mut().zip(legs) {
            *hop = leg.hop;
        }
        let quote =
            market.quote_route(&hops[..legs.len()], &opportunity.amount_in, abi::EXACT_IN)?;
        if quote.amount_out < opportunity.amount_out {
            return Err(Status::Refused);
        }
        Ok(())
    }
    /// Fits one to the limits that it exceeds.
    fn size(
        &mut self,
        market: &Market<'_>,
        opportunity: &Opportunity,
        limits: &SizingLimits,
    ) -> Answer<Opportunity>;
    /// Emits what must be called before the swaps of the legs.
    fn plan(&mut self, _: &Market<'_>, _: &Opportunity, _: &InstructionSink<'_>) -> Answer {
        Err(Status::Unsupported)
    }
    /// Host 0.1 does not call this yet.
    fn on_event(&mut self, _event: &Event<'_>) -> Answer {
        Ok(())
    }
    /// Tells what became of one that it emitted.
    fn on_result(&mut self, _result: &TradeResult) -> Answer {
        Ok(())
    }
    /// Writes the instance's memory. Host 0.1 does not call this yet.
    fn save(&mut self, _out: &mut Saved<'_>) -> Answer {
        Err(Status::Unsupported)
    }
    /// Takes back what save() wrote. Host 0.1 does not call this yet.
    fn load(&mut self, _saved: &[u8]) -> Answer {
        Err(Status::Unsupported)
    }
}

impl Default for Opportunity {
    fn default() -> Opportunity {
        // SAFETY: numbers alone, and all bits zero are one.
        unsafe { std::mem::zeroed() }
    }
}

/// Where find() puts what it found.
pub struct OpportunitySink<'a> {
    raw: &'a abi::gantry_opportunity_sink,
}

impl<'a> OpportunitySink<'a> {
    /// `Refused`: the host takes no more of this snapshot; `BadArgument`: nonsense, which costs a
    /// strike.
    pub fn emit(&self, opportunity: &Opportunity) -> Answer {
        // SAFETY: the host's own function; made by find() for the length of its call.
        Status::from_code(unsafe { (self.raw.emit)(self.raw.self_, opportunity) })
    }
}

/// Where subscribe() says what it wants.
pub struct SubscriptionSink<'a> {
    raw: &'a abi::gantry_subscription_sink,
}

impl<'a> SubscriptionSink<'a> {
    /// Events of `abi::EVENT_*`.
    pub fn events(&self, kind: i32) -> Answer {
        // SAFETY: the host's own function; made by subscribe() for the length of its call.
        Status::from_code(unsafe { (self.raw.events)(self.raw.self_, kind) })
    }
    /// Has the host keep this series for at least that long.
    pub fn history(&self, query: &HistoryQuery, lookback_s: u64) -> Answer {
        // SAFETY: as above.
        Status::from_code(unsafe { (self.raw.history)(self.raw.self_, query, lookback_s) })
    }
}

/// Something that happened.
pub struct Event<'a> {
    raw: &'a abi::gantry_event,
}

impl<'a> Event<'a> {
    /// `abi::EVENT_*`.
    pub fn kind(&self) -> i32 {
        self.raw.kind
    }
    /// The pool it is about.
    pub fn pool(&self) -> Option<u32> {
        Some(self.raw.pool).filter(|pool| *pool != u32::MAX)
    }
    /// Increasing.
    pub fn sequence(&self) -> u64 {
        self.raw.sequence
    }
    /// Of the chain.
    pub fn time_s(&self) -> u64 {
        self.raw.time_s
    }
    /// What it is, is said at `GANTRY_EVENT_*` in strategy.h.
    pub fn payload(&self) -> &'a [u8] {
        // SAFETY: made by on_event() for the length of its call.
        unsafe { bytes(self.raw.payload) }
    }
}

/// The C functions of one strategy type. Every argument is the host's, and is what `strategy.h` says,
/// one call at a time for an instance: that is what each SAFETY of this block rests on.
pub(crate) struct Face<P>(PhantomData<P>);

type Instance = abi::gantry_strategy_instance;

impl<P: TradingStrategy> Face<P> {
    pub(crate) const TABLE: abi::gantry_strategy_v1 = abi::gantry_strategy_v1 {
        create: Self::create,
        destroy: Self::destroy,
        subscribe: Self::subscribe,
        prepare: Self::prepare,
        find: Self::find,
        validate: Self::validate,
        size: Self::size,
        plan: Self::plan,
        on_event: Self::on_event,
        on_result: Self::on_result,
        save: Self::save,
        load: Self::load,
        get_extension: Self::get_extension,
    };

    /// # Safety
    /// `instance` came from create(), was not destroyed, and nothing else of it runs.
    unsafe fn plugin<'a>(instance: *mut Instance) -> &'a mut P {
        // SAFETY: the caller's promise.
        unsafe { &mut *instance.cast::<P>() }
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

    unsafe extern "C" fn subscribe(
        instance: *mut Instance,
        market: *const abi::gantry_market,
        sink: *const abi::gantry_subscription_sink,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            Self::plugin(instance)
                .subscribe(&Market::new(&*market), &SubscriptionSink { raw: &*sink })
        })
    }

    unsafe extern "C" fn prepare(
        instance: *mut Instance,
        market: *const abi::gantry_market,
        error: *mut abi::gantry_error,
    ) -> i32 {
        // SAFETY: see Face.
        unsafe {
            guarded_with(error, abi::FAULT_WORLD, || {
                Self::plugin(instance).prepare(&Market::new(&*market))
            })
        }
    }

    unsafe extern "C" fn find(
        instance: *mut Instance,
        market: *const abi::gantry_market,
        sink: *const abi::gantry_opportunity_sink,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            Self::plugin(instance).find(&Market::new(&*market), &OpportunitySink { raw: &*sink })
        })
    }

    unsafe extern "C" fn validate(
        instance: *mut Instance,
        market: *const abi::gantry_market,
        opportunity: *const Opportunity,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            Self::plugin(instance).validate(&Market::new(&*market), &*opportunity)
        })
    }

    unsafe extern "C" fn size(
        instance: *mut Instance,
        market: *const abi::gantry_market,
        opportunity: *const Opportunity,
        limits: *const SizingLimits,
        out: *mut Opportunity,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            *out = Self::plugin(instance).size(&Market::new(&*market), &*opportunity, &*limits)?;
            Ok(())
        })
    }

    unsafe extern "C" fn plan(
        instance: *mut Instance,
        market: *const abi::gantry_market,
        opportunity: *const Opportunity,
        sink: *const abi::gantry_instruction_sink,
    ) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe {
            let sink = InstructionSink::new(&*sink);
            Self::plugin(instance).plan(&Market::new(&*market), &*opportunity, &sink)
        })
    }

    unsafe extern "C" fn on_event(instance: *mut Instance, event: *const abi::gantry_event) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe { Self::plugin(instance).on_event(&Event { raw: &*event }) })
    }

    unsafe extern "C" fn on_result(instance: *mut Instance, result: *const TradeResult) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe { Self::plugin(instance).on_result(&*result) })
    }

    unsafe extern "C" fn save(instance: *mut Instance, out: *mut abi::gantry_buffer) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe { Self::plugin(instance).save(&mut Next::new(&mut *out)) })
    }

    unsafe extern "C" fn load(instance: *mut Instance, saved: abi::gantry_bytes) -> i32 {
        // SAFETY: see Face.
        guarded(|| unsafe { Self::plugin(instance).load(bytes(saved)) })
    }

    unsafe extern "C" fn get_extension(_: *const Instance, _: *const c_char) -> *const c_void {
        std::ptr::null()
    }
}

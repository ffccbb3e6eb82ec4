//! A snapshot's services as Rust calls. A view: it owns nothing and lasts as long as the call that the
//! market was given to.
use crate::abi;
use crate::host::{filled, slice, text};
use crate::{
    Address, Answer, Context, Hop, PoolTraits, PoolView, Price, Quote, RouteQuote, Sample, Segment,
    State, Status, Swap, SwapLimits, Value, U256,
};
use std::mem::MaybeUninit;

pub use crate::abi::gantry_history_query as HistoryQuery;

/// A token of the market.
#[derive(Clone, Copy)]
pub struct Token<'a> {
    /// On its chain.
    pub address: Address,
    /// As people call it; anybody may call anything so.
    pub symbol: &'a str,
    /// Digits after the point of a whole unit.
    pub decimals: u32,
    /// `abi::TOKEN_*`.
    pub flags: u32,
}

/// A pool of the market.
#[derive(Clone, Copy)]
pub struct Pool<'a> {
    /// On its chain.
    pub address: Address,
    /// Handles, in the order of the pool's contract.
    pub tokens: &'a [u32],
    /// Handle of its venue.
    pub venue: u32,
    /// What its venue said of it.
    pub traits: PoolTraits,
    /// Higher is checked first.
    pub venue_priority: i32,
    /// False: too little in it, or not quotable now.
    pub usable: bool,
}

/// One immutable snapshot.
#[derive(Clone, Copy)]
pub struct Market<'a> {
    raw: &'a abi::gantry_market,
}

// Asks the host to fill one value.
macro_rules! ask {
    ($self:ident.$service:ident($($argument:expr),*)) => {{
        let mut out = MaybeUninit::zeroed();
        // SAFETY: the host's own function, by the contract of new(); all bits zero are a value of
        // every type that is filled.
        unsafe {
            let code = ($self.services().$service)($self.raw, $($argument,)* out.as_mut_ptr());
            filled(code, out.assume_init())
        }
    }};
}

impl<'a> Market<'a> {
    /// # Safety
    /// What it points to lasts for 'a.
    pub(crate) unsafe fn new(raw: &'a abi::gantry_market) -> Market<'a> {
        Market { raw }
    }

    fn services(&self) -> &'a abi::gantry_market_services {
        // SAFETY: by the contract of new(); never null.
        unsafe { &*self.raw.services }
    }

    /// Chain, blocks, times and gas price.
    pub fn context(&self) -> Context<'a> {
        // SAFETY: by the contract of new(); never null.
        unsafe { Context::new(&*self.raw.context) }
    }
    /// Increasing, not dense for one instance.
    pub fn snapshot(&self) -> u64 {
        self.raw.snapshot
    }
    /// Changes when pools or tokens come or go.
    pub fn topology(&self) -> u64 {
        self.raw.topology
    }
    /// Handles are 0 to one less.
    pub fn token_count(&self) -> u32 {
        self.raw.token_count
    }
    /// Handles are 0 to one less.
    pub fn pool_count(&self) -> u32 {
        self.raw.pool_count
    }
    /// Handle of the wrapped coin.
    pub fn wrapped_token(&self) -> Option<u32> {
        Some(self.raw.wrapped_token).filter(|token| *token != u32::MAX)
    }
    /// True: every pool counts as changed, and changed_pools() is empty.
    pub fn cold(&self) -> bool {
        self.raw.cold != 0
    }
    /// Since the last snapshot that this instance was given; ascending.
    pub fn changed_pools(&self) -> &'a [u32] {
        // SAFETY: by the contract of new().
        unsafe { slice(self.raw.changed_pools, u64::from(self.raw.changed_count)) }
    }
    /// Not 0: the sequence of the pending swap whose effect is in this snapshot.
    pub fn pending(&self) -> u64 {
        self.raw.pending
    }

    /// `BadArgument`: no such handle.
    pub fn token(&self, token: u32) -> Answer<Token<'a>> {
        let mut out = MaybeUninit::<abi::gantry_token>::zeroed();
        // SAFETY: the host's own function, by the contract of new(); filled when it says OK.
        unsafe {
            Status::from_code((self.services().token)(self.raw, token, out.as_mut_ptr()))?;
            let raw = out.assume_init();
            let symbol = text(raw.symbol);
            Ok(Token { address: raw.address, symbol, decimals: raw.decimals, flags: raw.flags })
        }
    }

    /// `BadArgument`: no such handle.
    pub fn pool(&self, pool: u32) -> Answer<Pool<'a>> {
        let mut out = MaybeUninit::<abi::gantry_pool>::zeroed();
        // SAFETY: as in token().
        unsafe {
            Status::from_code((self.services().pool)(self.raw, pool, out.as_mut_ptr()))?;
            let raw = out.assume_init();
            Ok(Pool {
                address: raw.address,
                tokens: slice(raw.tokens, u64::from(raw.token_count)),
                venue: raw.venue,
                traits: raw.traits,
                venue_priority: raw.venue_priority,
                usable: raw.usable != 0,
            })
        }
    }

    /// `Unsupported`: the market has not got it.
    pub fn find_token(&self, address: &Address) -> Answer<u32> {
        ask!(self.find_token(address))
    }
    /// One swap on the pool as it is; token indexes are the pool's own.
    pub fn quote(&self, pool: u32, swap: &Swap) -> Answer<Quote> {
        ask!(self.quote(pool, swap))
    }

    /// Each on the pool as it is; `out` and `answers` have room for as many as there are swaps, else
    /// `BadArgument`.
    pub fn quote_many(
        &self,
        pool: u32,
        swaps: &[Swap],
        out: &mut [Quote],
        answers: &mut [Answer],
    ) -> Answer {
        if out.len() < swaps.len() || answers.len() < swaps.len() {
            return Err(Status::BadArgument);
        }
        let mut codes = [0; 64];
        for ((swaps, out), answers) in
            swaps.chunks(64).zip(out.chunks_mut(64)).zip(answers.chunks_mut(64))
        {
            // SAFETY: the host's own function, by the contract of new(), with room for all.
            Status::from_code(unsafe {
                (self.services().quote_many)(
                    self.raw,
                    pool,
                    swaps.as_ptr(),
                    swaps.len() as u32,
                    out.as_mut_ptr(),
                    codes.as_mut_ptr(),
                )
            })?;
            for (answer, code) in answers.iter_mut().zip(codes).take(swaps.len()) {
                *answer = Status::from_code(code);
            }
        }
        Ok(())
    }

    /// What can be swapped; token indexes are the pool's own.
    pub fn limits(&self, pool: u32, token_in: u32, token_out: u32) -> Answer<SwapLimits> {
        ask!(self.limits(pool, token_in, token_out))
    }

    /// Virtual reserves, into `out`; how many.
    pub fn segments(
        &self,
        pool: u32,
        token_in: u32,
        token_out: u32,
        out: &mut [Segment],
    ) -> Answer<usize> {
        let (to, room) = (out.as_mut_ptr(), out.len() as u32);
        let count: u32 = ask!(self.segments(pool, token_in, token_out, to, room))?;
        Ok(count as usize)
    }

    /// Fee and balances. `NeedSize`: it has more than eight tokens.
    pub fn view(&self, pool: u32) -> Answer<PoolView> {
        let mut view = PoolView::default();
        let room = view.balances.len() as u32;
        let mut raw = abi::gantry_pool_view {
            fee: 0,
            token_count: room,
            balances: view.balances.as_mut_ptr(),
        };
        // SAFETY: the host's own function, by the contract of new(), with room for eight.
        Status::from_code(unsafe { (self.services().view)(self.raw, pool, &mut raw) })?;
        view.fee = raw.fee;
        view.token_count = raw.token_count;
        Ok(view)
    }

    /// The state's bytes, for a strategy that knows the venue.
    pub fn state(&self, pool: u32) -> Answer<State<'a>> {
        let mut out = MaybeUninit::<abi::gantry_state>::zeroed();
        // SAFETY: as in token(); what it points to is the host's and lasts as long as the market.
        unsafe {
            Status::from_code((self.services().state)(self.raw, pool, out.as_mut_ptr()))?;
            Ok(State::new(out.assume_init()))
        }
    }

    /// Up to eight hops in a row; `mode` is `abi::EXACT_IN` or `abi::EXACT_OUT`.
    pub fn quote_route(&self, hops: &[Hop], amount: &U256, mode: i32) -> Answer<RouteQuote> {
        ask!(self.quote_route(hops.as_ptr(), hops.len() as u32, amount, mode))
    }
    /// What an amount is worth. `Unsupported`: it cannot be valued.
    pub fn value(&self, token: u32, amount: &U256) -> Answer<Value> {
        ask!(self.value(token, amount))
    }
    /// Bid and ask of one whole token. `Unsupported`: no pool has both.
    pub fn price(&self, token: u32, quote: u32) -> Answer<Price> {
        ask!(self.price(token, quote))
    }
    /// Samples of a series that was subscribed to, into `out`; how many.
    pub fn history(&self, query: &HistoryQuery, out: &mut [Sample]) -> Answer<usize> {
        let (to, room) = (out.as_mut_ptr(), out.len() as u32);
        let count: u32 = ask!(self.history(query, to, room))?;
        Ok(count as usize)
    }
    /// What this instance may spend of a token.
    pub fn balance(&self, token: u32) -> Answer<U256> {
        ask!(self.balance(token))
    }
}

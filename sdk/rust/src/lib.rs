//! Write plugins of the Gantry host in Rust: implement [`DexPlugin`], [`TradingStrategy`] or
//! [`Paymaster`], write [`export_plugin!`] once, and have the crate's build script call
//! [`build::plugin`]. No `unsafe` is needed.
//!
//! The rules of every call are those of the C headers (`gantry/dex.h` and its neighbours), and end
//! with a thread role there. What this crate keeps for you: nothing unwinds out of a call (a panic
//! becomes `GANTRY_PLUGIN_FAULT`, its text goes to the host's log), `*out` is written only with
//! `GANTRY_OK`, and every reference lasts no longer than the call it was given to.
//!
//! What you keep: no I/O, clock, threads or randomness, which also rules out `HashMap` with its
//! random seed, and no `thread_local!` with a destructor, which would pin the library.
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(unsafe_code)] // but in the modules that are the boundary
#![warn(missing_docs)]

#[allow(unsafe_code)]
pub mod abi;
pub mod build;
#[allow(unsafe_code)]
mod dex;
#[allow(unsafe_code)]
pub mod export;
#[allow(unsafe_code)]
mod host;
#[allow(unsafe_code)]
mod market;
#[allow(unsafe_code)]
mod paymaster;
#[allow(unsafe_code)]
mod state;
mod status;
#[allow(unsafe_code)]
mod strategy;
#[allow(unsafe_code)]
pub mod testing;
#[allow(missing_docs)]
pub mod u256;

pub use dex::{
    DexPlugin, Instruction, InstructionSink, Next, PoolSink, PoolSpec, PoolState, PoolView,
};
pub use host::{Config, Context, Host};
pub use market::{HistoryQuery, Market, Pool, Token};
pub use paymaster::{HttpRequest, HttpSink, Paymaster, Sponsorship, UserOperation};
pub use state::{Fact, Facts, Request, RequestSink, State, StateWriter};
pub use status::{Answer, Error, Status};
pub use strategy::{Event, OpportunitySink, Saved, SubscriptionSink, TradingStrategy};
pub use u256::{U256, U512};

pub use abi::{
    gantry_account_meta as AccountMeta, gantry_address as Address, gantry_hop as Hop,
    gantry_leg as Leg, gantry_opportunity as Opportunity, gantry_outside_price as OutsidePrice,
    gantry_pool_token as PoolToken, gantry_pool_traits as PoolTraits, gantry_price as Price,
    gantry_quote as Quote, gantry_result as TradeResult, gantry_route_quote as RouteQuote,
    gantry_sample as Sample, gantry_segment as Segment, gantry_sizing_limits as SizingLimits,
    gantry_swap as Swap, gantry_swap_limits as SwapLimits, gantry_swap_order as SwapOrder,
    gantry_value as Value,
};

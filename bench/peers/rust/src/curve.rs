// curve-math, a port of Curve's contracts.
use crate::{number, numbers, swaps_of, Quoter, Swap};
use alloy_primitives::U256;
use curve_math::Pool;
use serde_json::Value;

pub struct Pools {
    pools: Vec<(Pool, Vec<Swap>)>,
}

impl Quoter for Pools {
    const NAME: &'static str = "curve-math";

    fn new(venue: &Value) -> Self {
        let pool = |json: &Value| {
            let pool = Pool::StableSwapNG {
                balances: numbers(&json["balances"]),
                rates: numbers(&json["rates"]),
                amp: number(&json["amp"]),
                fee: number(&json["fee"]),
                offpeg_fee_multiplier: number(&json["offpeg_fee_multiplier"]),
            };
            (pool, swaps_of(json))
        };
        Pools { pools: venue["pools"].as_array().unwrap().iter().map(pool).collect() }
    }

    fn quote(&mut self, pool: usize, swap: usize) -> U256 {
        let (pool, swaps) = &self.pools[pool];
        let swap = &swaps[swap];
        pool.get_amount_out(swap.token_in, swap.token_out, swap.amount).unwrap_or_default()
    }
}

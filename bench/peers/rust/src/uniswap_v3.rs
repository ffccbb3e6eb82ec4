// uniswap_v3_math. The loop of UniswapV3Pool.swap is around the crate's steps, as its users write it.
use crate::{number, swaps_of, Quoter, Swap};
use alloy_primitives::{I256, U256};
use serde_json::Value;
use std::collections::HashMap;
use uniswap_v3_math::{liquidity_math, swap_math, tick_bitmap, tick_math};

struct Pool {
    fee: u32,
    spacing: i32,
    sqrt: U256,
    tick: i32,
    liquidity: u128,
    net: HashMap<i32, i128>,
    bitmap: HashMap<i16, U256>,
    swaps: Vec<Swap>,
}

fn quote(pool: &Pool, falls: bool, amount: I256) -> U256 {
    let limit = if falls {
        tick_math::MIN_SQRT_RATIO + U256::from(1)
    } else {
        tick_math::MAX_SQRT_RATIO - U256::from(1)
    };
    let (mut left, mut paid) = (amount, U256::ZERO);
    let (mut sqrt, mut tick, mut liquidity) = (pool.sqrt, pool.tick, pool.liquidity);
    while left != I256::ZERO && sqrt != limit {
        let (next, initialized) = tick_bitmap::next_initialized_tick_within_one_word(
            &pool.bitmap,
            tick,
            pool.spacing,
            falls,
        )
        .unwrap();
        let next = next.clamp(tick_math::MIN_TICK, tick_math::MAX_TICK);
        let next_sqrt = tick_math::get_sqrt_ratio_at_tick(next).unwrap();
        let target = if falls { next_sqrt.max(limit) } else { next_sqrt.min(limit) };
        let (after, taken, given, fee) =
            swap_math::compute_swap_step(sqrt, target, liquidity, left, pool.fee).unwrap();
        left -= I256::from_raw(taken + fee);
        paid += given;
        sqrt = after;
        if sqrt == next_sqrt {
            if initialized {
                let net = pool.net[&next];
                liquidity = liquidity_math::add_delta(liquidity, if falls { -net } else { net }).unwrap();
            }
            tick = if falls { next - 1 } else { next };
        } else {
            tick = tick_math::get_tick_at_sqrt_ratio(sqrt).unwrap();
        }
    }
    paid
}

fn pool_of(json: &Value) -> Pool {
    let spacing = json["spacing"].as_i64().unwrap() as i32;
    let (mut net, mut bitmap) = (HashMap::new(), HashMap::new());
    for tick in json["ticks"].as_array().unwrap() {
        let index = tick[0].as_i64().unwrap() as i32;
        net.insert(index, number::<i128>(&tick[2]));
        tick_bitmap::flip_tick(&mut bitmap, index, spacing).unwrap();
    }
    Pool {
        fee: json["fee"].as_u64().unwrap() as u32,
        spacing,
        sqrt: number(&json["sqrt"]),
        tick: json["tick"].as_i64().unwrap() as i32,
        liquidity: number(&json["liquidity"]),
        net,
        bitmap,
        swaps: swaps_of(json),
    }
}

pub struct Pools {
    pools: Vec<Pool>,
}

impl Quoter for Pools {
    const NAME: &'static str = "uniswap_v3_math";

    fn new(venue: &Value) -> Self {
        Pools { pools: venue["pools"].as_array().unwrap().iter().map(pool_of).collect() }
    }

    fn quote(&mut self, pool: usize, swap: usize) -> U256 {
        let pool = &self.pools[pool];
        let swap = &pool.swaps[swap];
        quote(pool, swap.token_in == 0, I256::from_raw(swap.amount))
    }
}

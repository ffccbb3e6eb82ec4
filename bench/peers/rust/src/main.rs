// uniswap_v3_math on the pools and swaps of a file that gantry_peers wrote: each answer has to be
// ours. The loop of UniswapV3Pool.swap is around the crate's steps, as its users write it.
use alloy_primitives::{I256, U256};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;
use uniswap_v3_math::{liquidity_math, swap_math, tick_bitmap, tick_math};

struct Pool {
    fee: u32,
    spacing: i32,
    sqrt: U256,
    tick: i32,
    liquidity: u128,
    net: HashMap<i32, i128>,
    bitmap: HashMap<i16, U256>,
    swaps: Vec<(bool, I256, U256)>,
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

fn number<T: std::str::FromStr>(value: &serde_json::Value) -> T
where
    T::Err: std::fmt::Debug,
{
    value.as_str().unwrap().parse().unwrap()
}

fn pool_of(json: &serde_json::Value) -> Pool {
    let spacing = json["spacing"].as_i64().unwrap() as i32;
    let (mut net, mut bitmap) = (HashMap::new(), HashMap::new());
    for tick in json["ticks"].as_array().unwrap() {
        let index = tick[0].as_i64().unwrap() as i32;
        net.insert(index, number::<i128>(&tick[2]));
        tick_bitmap::flip_tick(&mut bitmap, index, spacing).unwrap();
    }
    let swaps = json["swaps"].as_array().unwrap().iter();
    Pool {
        fee: json["fee"].as_u64().unwrap() as u32,
        spacing,
        sqrt: number(&json["sqrt"]),
        tick: json["tick"].as_i64().unwrap() as i32,
        liquidity: number(&json["liquidity"]),
        net,
        bitmap,
        swaps: swaps
            .map(|s| (s[0].as_u64() == Some(0), number::<I256>(&s[1]), number::<U256>(&s[2])))
            .collect(),
    }
}

fn main() {
    let file = std::env::args().nth(1).expect("the file that gantry_peers wrote");
    let text = std::fs::read_to_string(file).unwrap();
    let venues: serde_json::Value = serde_json::from_str(&text).unwrap();
    let venue = venues.as_array().unwrap().iter().find(|v| v["venue"] == "uniswap_v3").unwrap();
    let pools: Vec<Pool> = venue["pools"].as_array().unwrap().iter().map(pool_of).collect();
    let mut compared = 0;
    for pool in &pools {
        for (falls, amount, out) in &pool.swaps {
            assert_eq!(quote(pool, *falls, *amount), *out);
            compared += 1;
        }
    }
    let begin = Instant::now();
    let mut quotes = 0u32;
    while begin.elapsed().as_millis() < 1000 {
        for s in 0..pools[0].swaps.len() {
            for pool in &pools {
                let (falls, amount, _) = &pool.swaps[s];
                black_box(quote(pool, *falls, black_box(*amount)));
                quotes += 1;
            }
        }
    }
    let ns = begin.elapsed().as_nanos() as f64 / f64::from(quotes);
    eprintln!("uniswap_v3: {compared} answers of uniswap_v3_math are ours");
    println!("uniswap_v3 uniswap_v3_math {ns}");
}

// Rust crates on the pools and swaps of a file that gantry_peers wrote: each answer has to be ours.
// And a backtest of the recorded market's. Prints venue, name and nanoseconds a line, with tabs
// between.
//   gantry-peers FILE MILLISECONDS
mod backtests;
mod balancer;
mod curve;
mod uniswap_v3;

use alloy_primitives::U256;
use serde_json::Value;
use std::hint::black_box;
use std::time::{Duration, Instant};

pub struct Swap {
    pub token_in: usize,
    pub token_out: usize,
    pub amount: U256,
    pub answer: U256,
}

pub fn number<T: std::str::FromStr>(value: &Value) -> T
where
    T::Err: std::fmt::Debug,
{
    value.as_str().unwrap().parse().unwrap()
}

pub fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

pub fn numbers(value: &Value) -> Vec<U256> {
    list(value).iter().map(number).collect()
}

pub fn swaps_of(pool: &Value) -> Vec<Swap> {
    let swap = |s: &Value| Swap {
        token_in: s[0].as_u64().unwrap() as usize,
        token_out: s[1].as_u64().unwrap() as usize,
        amount: number(&s[2]),
        answer: number(&s[3]),
    };
    pool["swaps"].as_array().unwrap().iter().map(swap).collect()
}

// What a crate makes of a venue's pools.
pub trait Quoter {
    const NAME: &'static str;
    fn new(venue: &Value) -> Self;
    fn quote(&mut self, pool: usize, swap: usize) -> U256;
}

fn find<'a>(venues: &'a Value, name: &str) -> &'a Value {
    list(venues).iter().find(|v| v["venue"] == name).unwrap()
}

fn measure<Q: Quoter>(venues: &Value, name: &str, time: Duration) {
    let venue = find(venues, name);
    let pools: Vec<Vec<Swap>> = venue["pools"].as_array().unwrap().iter().map(swaps_of).collect();
    let mut quoter = Q::new(venue);
    let mut compared = 0;
    for (p, swaps) in pools.iter().enumerate() {
        for (s, swap) in swaps.iter().enumerate() {
            let answer = quoter.quote(p, s);
            assert_eq!(answer, swap.answer, "{name}: pool {p}, swap {s}, by {}", Q::NAME);
            compared += 1;
        }
    }
    let most = pools.iter().map(Vec::len).max().unwrap();
    let begin = Instant::now();
    let mut quotes = 0u32;
    while begin.elapsed() < time {
        for s in 0..most {
            for (p, swaps) in pools.iter().enumerate() {
                if s >= swaps.len() {
                    continue;
                }
                black_box(quoter.quote(black_box(p), black_box(s)));
                quotes += 1;
            }
        }
    }
    let ns = begin.elapsed().as_nanos() as f64 / f64::from(quotes);
    eprintln!("{name}: {compared} answers of {} are ours", Q::NAME);
    println!("{name}\t{}\t{ns}", Q::NAME);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("the file that gantry_peers wrote");
    let time = Duration::from_millis(arguments.next().expect("milliseconds").parse().unwrap());
    let venues = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    measure::<uniswap_v3::Pools>(&venues, "uniswap_v3", time);
    measure::<curve::Pools>(&venues, "curve_stable_ng", time);
    measure::<balancer::Contracts>(&venues, "balancer_v2_weighted", time);
    measure::<balancer::Contracts>(&venues, "balancer_v2_stable", time);
    backtests::measure(find(&venues, "backtest"), time);
}

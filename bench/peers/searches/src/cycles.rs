// Cycles that begin with wrapped ether in the recorded market: degenbot-pathfinding finds them, and
// degenbot's closed form sizes those through a pool that has moved, in both directions, as its engine
// does, which takes all cores for that. Here it has one, as we have, and paths that are at hand.
use crate::{
    closed_form, hop, list, number, processor_ns, quickest_ns, time_ns, Answer, CLOSED_FORM,
};
use alloy_primitives::U256;
use degenbot_math::v2::IntHopState;
use degenbot_pathfinding::{PathGraph, PoolKind, SearchSpec};
use serde_json::Value;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

struct Pool {
    tokens: [u64; 2],
    reserves: [U256; 2],
}

fn pool_of(pair: &Value) -> Pool {
    Pool {
        tokens: [0, 1].map(|i| pair[i].as_u64().unwrap()),
        reserves: [2, 3].map(|i| number(&pair[i])),
    }
}

// FNV-1a of the pools as they come after wrapped ether, in the direction that reads less.
fn hash_of(pools: &[u64]) -> u64 {
    let back: Vec<u64> = pools.iter().rev().copied().collect();
    let step = |hash: u64, pool: &u64| (hash ^ pool).wrapping_mul(0x100000001b3);
    pools.min(&back).iter().fold(0xcbf29ce484222325, step)
}

// Each comes in both directions.
fn find(pools: &[Pool], weth: u64, most_hops: usize) -> Vec<Vec<u64>> {
    let edge = |(i, pool): (usize, &Pool)| (pool.tokens[0], pool.tokens[1], i as u64, PoolKind::V2);
    let mut graph = PathGraph::from_edges(pools.iter().enumerate().map(edge).collect());
    graph.prune_dead_ends();
    let spec = SearchSpec::new(weth, weth, 2, Some(most_hops), false, None);
    let ids = |keys: Vec<(u64, PoolKind)>| keys.into_iter().map(|(pool, _)| pool).collect();
    graph.find_paths_iter(spec, None).map(ids).collect()
}

// Which way round, by where each hop leads.
fn hops_of(pools: &[Pool], weth: u64, cycle: &[u64]) -> Vec<IntHopState> {
    let mut token = weth;
    let hop_of = |id: &u64| {
        let pool = &pools[*id as usize];
        let side = usize::from(pool.tokens[1] == token);
        token = pool.tokens[side ^ 1];
        hop(pool.reserves[side], pool.reserves[side ^ 1])
    };
    cycle.iter().map(hop_of).collect()
}

fn measure_finding(asked: &Value, pools: &[Pool], weth: u64, time: Duration) -> Vec<Vec<u64>> {
    let most_hops = asked["most_hops"].as_u64().unwrap() as usize;
    let found = find(pools, weth, most_hops);
    let sum = found.iter().fold(0u64, |sum, cycle| sum.wrapping_add(hash_of(cycle)));
    let ours: u64 = number(&asked["sum_of_hashes"]);
    assert_eq!(found.len() as u64, 2 * asked["cycles"].as_u64().unwrap(), "other cycles are found");
    assert_eq!(sum, ours.wrapping_mul(2), "other cycles are found");
    eprintln!("cycles_found: all {} of degenbot-pathfinding are ours", found.len());
    let ns = time_ns(time, 1, || drop(black_box(find(pools, weth, most_hops))));
    println!("cycles_found\tdegenbot-pathfinding\t{ns}");
    found
}

// How many of ours they have not. Fails unless they have all that gain more than rounding may cost,
// and no others.
fn compare(paying: &[Value], cycles: &[&Vec<u64>], gained: &[U256]) -> usize {
    let pools = |one: &Value| list(&one[0]).iter().map(|pool| pool.as_u64().unwrap()).collect();
    let mut ours: BTreeMap<Vec<u64>, Answer> =
        paying.iter().map(|one| (pools(one), Answer::of(&list(one)[1..]))).collect();
    let mut fewer = 0;
    for (&cycle, gained) in cycles.iter().zip(gained) {
        if let Some(answer) = ours.remove(cycle) {
            answer.is_of(*gained);
            fewer += usize::from(gained.is_zero());
        } else {
            assert!(gained.is_zero(), "{cycle:?} does not pay");
        }
    }
    assert!(ours.is_empty(), "cycles of ours that degenbot-pathfinding has not");
    fewer
}

pub fn measure(asked: &Value, moved: &Value, time: Duration) {
    let weth = asked["weth"].as_u64().unwrap();
    let mut pools: Vec<Pool> = list(&asked["pairs"]).iter().map(pool_of).collect();
    let found = measure_finding(asked, &pools, weth, time);
    let mut cycles_of = vec![Vec::new(); pools.len()];
    for cycle in &found {
        for pool in cycle {
            cycles_of[*pool as usize].push(cycle);
        }
    }
    let moves = list(&moved["updates"]);
    let (mut paying, mut fewer) = (0, 0);
    let ns = quickest_ns(time, moves.len(), || {
        let mut spent = 0.0;
        let is_first = paying == 0;
        for one in moves {
            let pool = one["pool"].as_u64().unwrap() as usize;
            pools[pool].reserves = [0, 1].map(|i| number(&one["reserves"][i]));
            let cycles = &cycles_of[pool];
            let paths: Vec<_> = cycles.iter().map(|cycle| hops_of(&pools, weth, cycle)).collect();
            let begin = processor_ns();
            let gained: Vec<U256> = paths.iter().map(|hops| closed_form(black_box(hops))).collect();
            spent += processor_ns() - begin;
            if is_first {
                paying += list(&one["paying"]).len();
                fewer += compare(list(&one["paying"]), cycles, &gained);
            }
        }
        spent
    });
    eprintln!(
        "cycles_of_a_moved_pool: after {} moves {CLOSED_FORM} gains what we do with {paying} cycles, \
         less {fewer} that gain no more than rounding may cost",
        moves.len()
    );
    println!("cycles_of_a_moved_pool\t{CLOSED_FORM}\t{ns}");
    // Which are the best it knows when all are solved.
    println!("best_of_a_moved_pool\t{CLOSED_FORM}\t{ns}");
}

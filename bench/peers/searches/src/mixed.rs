// degenbot's search of a cycle with a weighted pool of Balancer V2 and a constant product.
use crate::{hop, list, measure_solves, number, Answer};
use alloy_primitives::U256;
use degenbot_math::balancer::constants::PowVersion;
use degenbot_solvers::mixed::solve::solve_path_inner;
use degenbot_solvers::mixed::{BalancerWeightedHopState, ResolvedHop, ResolvedMixedPath};
use degenbot_solvers::profit_envelope::GateDeps;
use serde_json::Value;
use std::time::Duration;

fn path_of(cycle: &Value) -> ResolvedMixedPath {
    let half = U256::from(500_000_000_000_000_000u64);
    let weighted = BalancerWeightedHopState {
        balance_in: number(&cycle[0]),
        balance_out: number(&cycle[1]),
        weight_in: half,
        weight_out: half,
        swap_fee: number(&cycle[2]),
        pow_version: PowVersion::V2,
        scaling_factor_in: U256::ONE,
        scaling_factor_out: U256::ONE,
    };
    let back = hop(number(&cycle[3]), number(&cycle[4]));
    let hops =
        vec![ResolvedHop::BalancerWeighted { state: weighted }, ResolvedHop::V2 { state: back }];
    ResolvedMixedPath { hops, valid: true, state_nonces: vec![0; 2], max_update_block: 0 }
}

fn golden_section(path: &ResolvedMixedPath) -> U256 {
    let (result, _) = solve_path_inner(path, &GateDeps::offline(), None);
    result.map_or(U256::ZERO, |result| result.profit)
}

pub fn measure(asked: &Value, time: Duration) {
    let cycle = |one: &Value| (path_of(one), Answer::of(&list(one)[5..]));
    let cycles: Vec<_> = list(&asked["cycles"]).iter().map(cycle).collect();
    measure_solves(
        "mixed_cycle",
        "degenbot-solvers, golden section",
        time,
        &cycles,
        golden_section,
    );
}

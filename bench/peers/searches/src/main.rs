// Searches of Rust crates on the file that gantry_peers wrote: what they find has to be what we
// find. Prints what, name and nanoseconds a line, with tabs between.
//   gantry-peers-searches FILE MILLISECONDS
mod cycles;
mod mixed;
mod two_hops;

use alloy_primitives::U256;
use degenbot_math::v2::IntHopState;
use degenbot_solvers::mobius_int_exact::exact_mobius_solve;
use serde_json::Value;
use std::hint::black_box;
use std::time::{Duration, Instant};

pub fn number<T: std::str::FromStr>(value: &Value) -> T
where
    T::Err: std::fmt::Debug,
{
    value.as_str().unwrap().parse().unwrap()
}

pub fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

// Of this thread alone: what else runs on the machine has no part in it.
pub fn processor_ns() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock is there, and the call writes what it is given and nothing else.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

// The processor's nanoseconds for one of `calls` calls that each round makes, in the quickest round.
// A round says what it took.
pub fn quickest_ns(time: Duration, calls: usize, mut round: impl FnMut() -> f64) -> f64 {
    let begin = Instant::now();
    let mut quickest = f64::MAX;
    while quickest == f64::MAX || begin.elapsed() < time {
        quickest = quickest.min(round());
    }
    quickest / calls as f64
}

pub fn time_ns(time: Duration, calls: usize, mut round: impl FnMut()) -> f64 {
    quickest_ns(time, calls, || {
        let begin = processor_ns();
        round();
        processor_ns() - begin
    })
}

// What our best input of a cycle gains, and how much more any other may: what rounding on the way
// costs at most, and of mixed cycles where the search ended.
pub struct Answer {
    profit: U256,
    more_max: U256,
}

impl Answer {
    // Of an input, its profit and that.
    pub fn of(values: &[Value]) -> Self {
        Answer { profit: number(&values[1]), more_max: number(&values[2]) }
    }

    // Says whether both gain the same to the unit; fails if they differ by more than that, either way.
    pub fn is_of(&self, gained: U256) -> bool {
        assert!(gained.abs_diff(self.profit) <= self.more_max, "{gained}, not {}", self.profit);
        gained == self.profit
    }
}

pub fn hop(reserve_in: U256, reserve_out: U256) -> IntHopState {
    IntHopState::new(reserve_in, reserve_out, 997, 1000)
}

// What degenbot's closed form of constant products gains.
pub const CLOSED_FORM: &str = "degenbot-solvers, closed form";

pub fn closed_form(hops: &Vec<IntHopState>) -> U256 {
    exact_mobius_solve(hops).unwrap().profit
}

// Solves them all, which has to give our answers, and again and again.
pub fn measure_solves<Path>(
    what: &str,
    who: &str,
    time: Duration,
    cycles: &[(Path, Answer)],
    solve: fn(&Path) -> U256,
) {
    let same = cycles.iter().filter(|(path, answer)| answer.is_of(solve(path))).count();
    eprintln!("{what}: {} answers of {who} are ours, {same} to the unit", cycles.len());
    let ns = time_ns(time, cycles.len(), || {
        for (path, _) in cycles {
            black_box(solve(black_box(path)));
        }
    });
    println!("{what}\t{who}\t{ns}");
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("the file that gantry_peers wrote");
    let time = Duration::from_millis(arguments.next().expect("milliseconds").parse().unwrap());
    let all: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let asked = |name: &str| list(&all).iter().find(|v| v["venue"] == name).unwrap();
    two_hops::measure(asked("two_hops"), time);
    mixed::measure(asked("mixed_cycle"), time);
    cycles::measure(asked("cycles_found"), asked("cycles_of_a_moved_pool"), time);
}

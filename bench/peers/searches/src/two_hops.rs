// degenbot's best input of two constant products.
use crate::{closed_form, hop, list, measure_solves, number, Answer, CLOSED_FORM};
use serde_json::Value;
use std::time::Duration;

pub fn measure(asked: &Value, time: Duration) {
    let cycle = |one: &Value| {
        let hops = (0..2).map(|i| hop(number(&one[2 * i]), number(&one[2 * i + 1]))).collect();
        (hops, Answer::of(&list(one)[4..]))
    };
    let cycles: Vec<_> = list(&asked["cycles"]).iter().map(cycle).collect();
    measure_solves("two_hops", CLOSED_FORM, time, &cycles, closed_form);
}

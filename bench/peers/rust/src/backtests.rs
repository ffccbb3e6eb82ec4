// hftbacktest on the recorded swaps, with a strategy that does nothing: each is a trade that an
// exchange and a trader's own view of it process, without orders. Its markets are order books, one an
// instrument: all swaps as one, then as many as there are pools.
use crate::list;
use hftbacktest::backtest::assettype::LinearAsset;
use hftbacktest::backtest::data::Data;
use hftbacktest::backtest::models::{
    CommonFees, ConstantLatency, PowerProbQueueFunc3, ProbQueueModel, TradingValueFeeModel,
};
use hftbacktest::backtest::{Backtest, DataSource, ExchangeKind, L2AssetBuilder};
use hftbacktest::prelude::{Bot, HashMapMarketDepth};
use hftbacktest::types::{ElapseResult, Event, BUY_EVENT, EXCH_EVENT, LOCAL_EVENT, TRADE_EVENT};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const A_CENTURY_NS: i64 = 3_000_000_000_000_000_000;

fn trade(place: usize, swap: &Value) -> Event {
    let at = swap[1].as_i64().unwrap() * 1_000_000_000 + place as i64;
    Event {
        ev: EXCH_EVENT | LOCAL_EVENT | BUY_EVENT | TRADE_EVENT,
        exch_ts: at,
        local_ts: at,
        px: swap[3].as_f64().unwrap() / swap[2].as_f64().unwrap(),
        qty: 1.0,
        order_id: 0,
        ival: 0,
        fval: 0.0,
    }
}

fn market(instruments: &[Vec<Event>]) -> Backtest<HashMapMarketDepth> {
    let mut builder = Backtest::builder();
    for trades in instruments {
        let asset = L2AssetBuilder::new()
            .data(vec![DataSource::Data(Data::from_data(trades))])
            .parallel_load(false)
            .latency_model(ConstantLatency::new(0, 0))
            .asset_type(LinearAsset::new(1.0))
            .fee_model(TradingValueFeeModel::new(CommonFees::new(0.0, 0.0)))
            .exchange(ExchangeKind::NoPartialFillExchange)
            .queue_model(ProbQueueModel::new(PowerProbQueueFunc3::new(3.0)))
            .depth(|| HashMapMarketDepth::new(1e-9, 1e-9))
            .last_trades_capacity(trades.len())
            .build()
            .unwrap();
        builder = builder.add_asset(asset);
    }
    builder.build().unwrap()
}

// Nanoseconds an event in the quickest of runs that each see all of them.
fn measure_as(instruments: &[Vec<Event>], time: Duration) -> f64 {
    let (mut spent, mut quickest) = (Duration::ZERO, Duration::MAX);
    while spent < time {
        let mut market = market(instruments);
        let begin = Instant::now();
        while market.wait_next_feed(false, A_CENTURY_NS).unwrap() != ElapseResult::EndOfData {}
        spent += begin.elapsed();
        quickest = quickest.min(begin.elapsed());
        for (i, trades) in instruments.iter().enumerate() {
            assert_eq!(market.last_trades(i), trades.as_slice(), "hftbacktest saw other events");
        }
    }
    quickest.as_nanos() as f64 / instruments.iter().map(Vec::len).sum::<usize>() as f64
}

pub fn measure(venue: &Value, time: Duration) {
    let swaps = list(&venue["swaps"]);
    let mut of_pools: BTreeMap<u64, Vec<Event>> = BTreeMap::new();
    for (i, swap) in swaps.iter().enumerate() {
        of_pools.entry(swap[0].as_u64().unwrap()).or_default().push(trade(i, swap));
    }
    let of_pools: Vec<Vec<Event>> = of_pools.into_values().collect();
    let as_one: Vec<Event> = swaps.iter().enumerate().map(|(i, swap)| trade(i, swap)).collect();
    println!("backtest\thftbacktest, one instrument\t{}", measure_as(&[as_one], time));
    println!("backtest\thftbacktest, one a pool\t{}", measure_as(&of_pools, time));
    eprintln!(
        "backtest: {} events of {} pools, all seen by hftbacktest",
        swaps.len(),
        of_pools.len()
    );
}

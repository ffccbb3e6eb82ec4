//! A strategy in its smallest form: for every two pools of the same two tokens, a round trip with one
//! amount, quoted by the host. What pays after gas is emitted. What each call means, and what it may
//! answer, is said in gantry/strategy.h.
use gantry_sdk::{
    abi, export_plugin, Answer, Config, Error, Hop, Host, Leg, Market, Opportunity,
    OpportunitySink, SizingLimits, Status, TradingStrategy, U256,
};
use std::collections::BTreeMap;

const BPS: u64 = 10_000;

/// Buys token `token_out` with `token_in` in the one pool and sells it in the other.
#[derive(Clone, Copy)]
struct Trip {
    pools: [u32; 2],
    token_in: u32,
    token_out: u32,
}

pub struct MyStrategy {
    share_bps: U256,
    trips: Vec<Trip>,
    changed: Vec<bool>, // by pool, of this snapshot
}

fn balance(market: &Market<'_>, pool: u32, token: u32) -> Option<U256> {
    let at = market.pool(pool).ok()?.tokens.iter().position(|one| *one == token)?;
    Some(market.view(pool).ok()?.balances[at])
}

/// `None`: it does not pay, or nobody can say what it is worth.
fn fill(market: &Market<'_>, trip: &Trip, key: u64, amount: U256) -> Option<Opportunity> {
    if amount.is_zero() {
        return None;
    }
    let hop = |pool, token_in, token_out| Hop { pool, token_in, token_out, reserved: 0 };
    let hops = [
        hop(trip.pools[0], trip.token_in, trip.token_out),
        hop(trip.pools[1], trip.token_out, trip.token_in),
    ];
    let route = market.quote_route(&hops, &amount, abi::EXACT_IN).ok()?;
    let gain = route.amount_out.checked_sub(amount)?;
    let worth = market.value(trip.token_in, &gain).ok()?;
    let stake = market.value(trip.token_in, &amount).ok()?;
    let gas_cost = U256::from(route.gas).checked_mul(market.context().gas_price())?;
    let profit = worth.ether_wei.checked_sub(gas_cost)?;
    if profit.is_zero() || stake.ether_wei.is_zero() {
        return None;
    }
    let mut found = Opportunity {
        key,
        kind: abi::OPPORTUNITY_ARBITRAGE,
        leg_count: 2,
        token_in: trip.token_in,
        token_out: trip.token_in,
        amount_in: amount,
        amount_out: route.amount_out,
        gas: route.gas,
        block: market.context().state_block(),
        valid_until_block: market.context().execution_block(),
        expected_profit_bps: profit.to_f64() / stake.ether_wei.to_f64() * BPS as f64,
        confidence: worth.confidence,
        risk_score: 0.5,
        ..Opportunity::default()
    };
    for (i, hop) in hops.iter().enumerate() {
        found.legs[i] =
            Leg { hop: *hop, amount_in: route.amounts[i], amount_out: route.amounts[i + 1] };
    }
    Some(found)
}

fn within(market: &Market<'_>, found: &Opportunity, share_max_bps: u32) -> bool {
    found.legs[..found.leg_count as usize].iter().all(|leg| {
        balance(market, leg.hop.pool, leg.hop.token_in)
            .and_then(|has| has.mul_div_floor(U256::from(share_max_bps), U256::from(BPS)))
            .map_or(false, |most| leg.amount_in <= most)
    })
}

impl TradingStrategy for MyStrategy {
    fn create(_host: Host, config: &Config<'_>) -> Result<Self, Error> {
        let share_bps = U256::from(config.integer("share_bps")? as u64);
        Ok(MyStrategy { share_bps, trips: Vec::new(), changed: Vec::new() })
    }

    /// The only call in which memory may be taken.
    fn prepare(&mut self, market: &Market<'_>) -> Result<(), Error> {
        let mut pools_of_pair: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
        self.trips.clear();
        self.changed = vec![false; market.pool_count() as usize];
        for pool in 0..market.pool_count() {
            let info = market.pool(pool)?;
            let (a, b) = match *info.tokens {
                [a, b] if info.usable => (a.min(b), a.max(b)),
                _ => continue,
            };
            let others = pools_of_pair.entry((a, b)).or_default();
            for other in others.iter() {
                let swapped = market.wrapped_token() == Some(b);
                let (token_in, token_out) = if swapped { (b, a) } else { (a, b) };
                for pools in [[pool, *other], [*other, pool]] {
                    self.trips.push(Trip { pools, token_in, token_out });
                }
            }
            others.push(pool);
        }
        Ok(())
    }

    fn find(&mut self, market: &Market<'_>, sink: &OpportunitySink<'_>) -> Answer {
        for pool in market.changed_pools() {
            self.changed[*pool as usize] = true;
        }
        for (key, trip) in self.trips.iter().enumerate() {
            if !market.cold() && !trip.pools.iter().any(|pool| self.changed[*pool as usize]) {
                continue;
            }
            let found = balance(market, trip.pools[0], trip.token_in)
                .and_then(|has| has.mul_div_floor(self.share_bps, U256::from(BPS)))
                .and_then(|amount| fill(market, trip, key as u64, amount));
            if let Some(found) = found {
                if sink.emit(&found).is_err() {
                    break; // the host takes no more of this snapshot
                }
            }
        }
        for pool in market.changed_pools() {
            self.changed[*pool as usize] = false;
        }
        Ok(())
    }

    /// Halves the amount until it is within the limits.
    fn size(
        &mut self,
        market: &Market<'_>,
        found: &Opportunity,
        limits: &SizingLimits,
    ) -> Answer<Opportunity> {
        let trip = self.trips.get(found.key as usize).ok_or(Status::BadArgument)?;
        let mut amount = found.amount_in;
        while !amount.is_zero() {
            if amount <= limits.amount_in_max {
                let sized = fill(market, trip, found.key, amount).ok_or(Status::Refused)?;
                if within(market, &sized, limits.pool_share_max_bps) {
                    return Ok(sized);
                }
            }
            amount = amount.half();
        }
        Err(Status::Refused)
    }
}

export_plugin!(strategy MyStrategy);

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_sdk::testing::{FakeHost, FakeMarket, FakeRun, Value};

    const WHOLE: u64 = 1_000_000_000_000_000_000;

    fn market() -> FakeMarket {
        let mut market = FakeMarket::new();
        let ether = market.add_token("WETH", 18, 1);
        let coin = market.add_token("COIN", 6, 0);
        let reserves = [U256::from(10 * WHOLE), U256::from(4_000_000_000u64)];
        market.add_pair([ether, coin], reserves, 30);
        market.add_pair([ether, coin], reserves, 30);
        market
    }

    fn run() -> FakeRun<MyStrategy> {
        FakeRun::create(&FakeHost::new(), &[("share_bps", Value::Integer(100))]).unwrap()
    }

    #[test]
    fn equal_prices_pay_nothing() {
        let (market, mut run) = (market(), run());
        run.prepare(&market).unwrap();
        assert!(run.find(&market).unwrap().is_empty());
    }

    #[test]
    fn a_price_a_tenth_apart_pays_and_is_sized_to_the_limits() {
        let (mut market, mut run) = (market(), run());
        run.prepare(&market).unwrap();
        market.pairs[1].reserves[1] = U256::from(3_600_000_000u64);
        market.changed = vec![1];
        let found = run.find(&market).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].legs[1].hop.pool, 1);
        assert!(found[0].amount_out > found[0].amount_in);
        run.validate(&market, &found[0]).unwrap();
        let limits = SizingLimits {
            amount_in_max: U256::from(WHOLE / 20),
            pool_share_max_bps: 10_000,
            ..SizingLimits::default()
        };
        let sized = run.size(&market, &found[0], &limits).unwrap();
        assert_eq!(sized.amount_in, U256::from(WHOLE / 20));
    }
}

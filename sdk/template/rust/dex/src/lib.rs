//! A constant-product pair, exact to the unit: getAmountOut and getAmountIn of UniswapV2Library, on
//! reserves of 112 bits as the contract keeps them. What each call means, and what it may answer, is
//! said in gantry/dex.h.
use gantry_sdk::{
    abi, export_plugin, Answer, Config, Context, DexPlugin, Error, Fact, Facts, Host, Instruction,
    InstructionSink, Next, PoolSpec, PoolState, PoolTraits, PoolView, Quote, Request, RequestSink,
    Segment, State, StateWriter, Status, Swap, SwapLimits, SwapOrder, U256,
};

const BPS: u32 = 10_000;
const SWAP_GAS: u64 = 90_000;
const WORD: usize = 32;
const RESERVE_MAX: u128 = (1 << 112) - 1;
const GET_RESERVES: [u8; 4] = [0x09, 0x02, 0xf1, 0xac];
const SWAP: [u8; 4] = [0x02, 0x2c, 0x0d, 0x9f];
// keccak-256 of Sync(uint112,uint112), the log in which a pair tells its reserves.
const SYNC: [u8; WORD] = [
    0x1c, 0x41, 0x1e, 0x9a, 0x96, 0xe0, 0x71, 0x24, 0x1c, 0x2f, 0x21, 0xf7, 0x72, 0x6b, 0x17, 0xae,
    0x89, 0xe3, 0xca, 0xb4, 0xc7, 0x8b, 0xe5, 0x0e, 0x06, 0x2b, 0x03, 0xa9, 0xff, 0xfb, 0xba, 0xd1,
];

pub struct MyDex {
    fee_bps: u32,
}

/// The pair as its chunk 0, and its overlay, have it: two numbers of sixteen bytes.
#[derive(Clone, Copy)]
struct Reserves([u128; 2]);

impl Reserves {
    fn read(bytes: &[u8]) -> Option<Reserves> {
        let of = |at: usize| Some(u128::from_le_bytes(bytes.get(at..at + 16)?.try_into().ok()?));
        if bytes.len() == WORD {
            Some(Reserves([of(0)?, of(16)?]))
        } else {
            None
        }
    }

    fn bytes(self) -> [u8; WORD] {
        let mut bytes = [0; WORD];
        bytes[..16].copy_from_slice(&self.0[0].to_le_bytes());
        bytes[16..].copy_from_slice(&self.0[1].to_le_bytes());
        bytes
    }

    /// Two words of at most 112 bits, as getReserves() returns and Sync carries them.
    fn decode(data: &[u8]) -> Option<Reserves> {
        let of = |at: usize| {
            U256::read_be(data.get(at..)?)?.to_u128().filter(|value| *value <= RESERVE_MAX)
        };
        Some(Reserves([of(0)?, of(WORD)?]))
    }
}

/// One direction of a pair.
struct Side {
    reserve_in: u128,
    reserve_out: u128,
    kept_bps: u32,
}

impl Side {
    /// floor(in * kept * reserve_out / (reserve_in * 10000 + in * kept)).
    fn amount_out(&self, amount: U256) -> Answer<(u128, u128)> {
        if self.reserve_in == 0 || self.reserve_out == 0 {
            return Err(Status::NoLiquidity);
        }
        let amount = amount.to_u128().ok_or(Status::OutOfRange)?;
        if amount > RESERVE_MAX - self.reserve_in {
            return Err(Status::OutOfRange);
        }
        // Below 2^127: reserves and amounts are below 2^112, the factors below 2^14.
        let kept = amount * u128::from(self.kept_bps);
        let base = self.reserve_in * u128::from(BPS) + kept;
        let wide = |value| U256::from_u128(value);
        let paid = wide(kept)
            .mul_div_floor(wide(self.reserve_out), wide(base))
            .ok_or(Status::OutOfRange)?;
        match paid.to_u128() {
            Some(0) | None => Err(Status::NoLiquidity),
            Some(paid) => Ok((amount, paid)),
        }
    }

    /// floor(reserve_in * out * 10000 / ((reserve_out - out) * kept)) + 1.
    fn amount_in(&self, wanted: U256) -> Answer<(u128, u128)> {
        let wide = |value| U256::from_u128(value);
        let left = wide(self.reserve_out).checked_sub(wanted).ok_or(Status::NoLiquidity)?;
        if wanted.is_zero() || self.reserve_in == 0 || left.is_zero() {
            return Err(Status::NoLiquidity);
        }
        let above = wide(self.reserve_in)
            .checked_mul(wanted)
            .and_then(|value| value.checked_mul(U256::from(BPS)));
        let below = left.checked_mul(U256::from(self.kept_bps));
        let amount = above
            .zip(below)
            .and_then(|(above, below)| above.div_floor(below)?.checked_add(U256::ONE));
        let amount = amount.and_then(U256::to_u128).ok_or(Status::OutOfRange)?;
        let paid = wanted.to_u128().ok_or(Status::NoLiquidity)?;
        if amount > RESERVE_MAX - self.reserve_in {
            return Err(Status::OutOfRange);
        }
        Ok((amount, paid))
    }
}

impl MyDex {
    /// The pool now, or after the swaps that the overlay stands for, seen from one direction.
    fn look(
        &self,
        state: &PoolState<'_>,
        token_in: u32,
        token_out: u32,
    ) -> Answer<(Reserves, Side)> {
        let reserves = Reserves::read(state.overlay_or_chunk(0)).ok_or(Status::BadState)?;
        if token_in > 1 || token_out != 1 - token_in {
            return Err(Status::BadArgument);
        }
        let side = Side {
            reserve_in: reserves.0[token_in as usize],
            reserve_out: reserves.0[token_out as usize],
            kept_bps: BPS - self.fee_bps,
        };
        Ok((reserves, side))
    }
}

impl DexPlugin for MyDex {
    fn create(_host: Host, config: &Config<'_>) -> Result<Self, Error> {
        let fee = config.integer("fee_bps")?;
        let fee_bps = u32::try_from(fee).ok().filter(|fee| *fee < BPS);
        Ok(MyDex {
            fee_bps: fee_bps.ok_or_else(|| Error::refused("fee_bps has to be below 10000"))?,
        })
    }

    fn open_pool(
        &self,
        spec: &PoolSpec<'_>,
        _writer: &StateWriter<'_>,
    ) -> Result<PoolTraits, Error> {
        if spec.tokens().len() != 2 {
            return Err(Error::refused("a pair has two tokens"));
        }
        Ok(PoolTraits {
            flags: abi::POOL_EXACT_OUT | abi::POOL_SEGMENTS | abi::POOL_FOLLOWS_LOGS,
            overlay_bytes: WORD as u32,
            swap_gas: SWAP_GAS,
        })
    }

    /// getReserves() once, and from then on the pair's Sync logs.
    fn requests(
        &self,
        _context: &Context<'_>,
        spec: &PoolSpec<'_>,
        _state: &State<'_>,
        _round: u32,
        sink: &RequestSink<'_>,
    ) -> Answer {
        let target = spec.address();
        sink.emit(Request {
            source: abi::SOURCE_EVM_CALL,
            tag: 0,
            target,
            payload: &GET_RESERVES,
        })?;
        sink.emit(Request { source: abi::SOURCE_EVM_LOG, tag: 0, target, payload: &SYNC })
    }

    fn apply(
        &self,
        _context: &Context<'_>,
        old: &State<'_>,
        facts: &Facts<'_>,
        writer: &StateWriter<'_>,
    ) -> Answer {
        let foreign =
            |fact: &Fact<'_>| fact.source() == abi::SOURCE_EVM_LOG && fact.topics() != SYNC;
        let mut next = Reserves::read(old.chunk(0));
        for fact in facts.iter().filter(|fact| !foreign(fact)) {
            let decoded = Reserves::decode(fact.data()).filter(|_| fact.is_ok());
            next = Some(decoded.ok_or(Status::BadState)?);
        }
        writer.write(0, &next.ok_or(Status::NeedState)?.bytes())
    }

    fn quote(
        &self,
        state: &PoolState<'_>,
        swap: &Swap,
        next: Option<&mut Next<'_>>,
    ) -> Answer<Quote> {
        let (mut reserves, side) = self.look(state, swap.token_in, swap.token_out)?;
        let (amount_in, amount_out) = match swap.mode {
            abi::EXACT_IN => side.amount_out(swap.amount)?,
            abi::EXACT_OUT => side.amount_in(swap.amount)?,
            _ => return Err(Status::Unsupported),
        };
        if let Some(next) = next {
            reserves.0[swap.token_in as usize] += amount_in;
            reserves.0[swap.token_out as usize] -= amount_out;
            next.write(&reserves.bytes())?;
        }
        let mut quote = Quote {
            amount_in: U256::from_u128(amount_in),
            amount_out: U256::from_u128(amount_out),
            fee: U256::from_u128(
                amount_in - amount_in * u128::from(side.kept_bps) / u128::from(BPS),
            ),
            gas: SWAP_GAS,
            ..Quote::default()
        };
        if swap.wants & abi::WANT_IMPACT != 0 {
            let effective = amount_in as f64 * (1.0 - f64::from(self.fee_bps) / f64::from(BPS));
            quote.price_impact = effective / (side.reserve_in as f64 + effective);
        }
        Ok(quote)
    }

    fn limits(&self, state: &PoolState<'_>, token_in: u32, token_out: u32) -> Answer<SwapLimits> {
        let (_, side) = self.look(state, token_in, token_out)?;
        let most = U256::from_u128(RESERVE_MAX - side.reserve_in);
        // getAmountIn adds one to an exact quotient, too: one less may pay already.
        let (least, _) = side.amount_in(U256::ONE).map_err(|_| Status::NoLiquidity)?;
        let less = U256::from_u128(least - 1);
        let least = if side.amount_out(less).is_ok() { less } else { U256::from_u128(least) };
        let (_, out_max) = side.amount_out(most).map_err(|_| Status::NoLiquidity)?;
        Ok(SwapLimits { in_min: least, in_max: most, out_max: U256::from_u128(out_max) })
    }

    fn segments(
        &self,
        state: &PoolState<'_>,
        token_in: u32,
        token_out: u32,
        out: &mut [Segment],
    ) -> Answer<usize> {
        let (_, side) = self.look(state, token_in, token_out)?;
        if side.reserve_in == 0 || side.reserve_out == 0 {
            return Ok(0);
        }
        Ok(out.first_mut().map_or(0, |segment| {
            *segment = Segment {
                reserve_in: U256::from_u128(side.reserve_in),
                reserve_out: U256::from_u128(side.reserve_out),
                in_end: U256::from_u128(RESERVE_MAX - side.reserve_in + 1),
                fee: self.fee_bps,
                fee_denominator: BPS,
                flags: abi::SEGMENT_EXACT,
                reserved: 0,
            };
            1
        }))
    }

    fn view(&self, state: &PoolState<'_>) -> Answer<PoolView> {
        let (reserves, _) = self.look(state, 0, 1)?;
        let mut view = PoolView { fee: self.fee_bps * 100, token_count: 2, ..PoolView::default() };
        view.balances[0] = U256::from_u128(reserves.0[0]);
        view.balances[1] = U256::from_u128(reserves.0[1]);
        Ok(view)
    }

    /// swap(amount0Out, amount1Out, to, ""): the pair is paid before.
    fn build_swap(
        &self,
        spec: &PoolSpec<'_>,
        _state: &PoolState<'_>,
        order: &SwapOrder,
        sink: &InstructionSink<'_>,
    ) -> Answer {
        if order.recipient.kind != abi::ADDRESS_EVM || order.swap.token_out > 1 {
            return Err(Status::BadArgument);
        }
        let mut data = [0; 4 + 5 * WORD];
        let out_at = 4 + WORD * order.swap.token_out as usize;
        data[..4].copy_from_slice(&SWAP);
        data[out_at..out_at + WORD].copy_from_slice(&order.out.to_be_bytes());
        data[4 + 3 * WORD - 20..4 + 3 * WORD].copy_from_slice(&order.recipient.bytes[..20]);
        data[4 + 3 * WORD..4 + 4 * WORD]
            .copy_from_slice(&U256::from(4 * WORD as u64).to_be_bytes());
        sink.emit(&Instruction {
            target: spec.address(),
            value: U256::ZERO,
            data: &data,
            accounts: &[],
            input: abi::INPUT_TRANSFER,
            spender: spec.address(),
            amount_in_offset: abi::NO_OFFSET,
            amount_out_offset: out_at as u32,
            min_out_offset: abi::NO_OFFSET,
            min_out_enforced: false,
            min_out: order.min_out,
        })
    }
}

export_plugin!(dex MyDex);

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_sdk::testing::{swap, FakeHost, FakePool, Value};

    fn open(fee_bps: i64) -> Result<FakePool<MyDex>, Error> {
        FakePool::open(&FakeHost::new(), &[("fee_bps", Value::Integer(fee_bps))], [18, 6])
    }

    fn reserves(a: u128, b: u128) -> Vec<u8> {
        [U256::from_u128(a).to_be_bytes(), U256::from_u128(b).to_be_bytes()].concat()
    }

    #[test]
    fn a_fee_of_all_is_refused_with_a_text() {
        assert_eq!(open(10_000).err(), Some(Error::refused("fee_bps has to be below 10000")));
    }

    #[test]
    fn a_pair_pays_what_the_formula_says() {
        let mut pool = open(30).unwrap();
        let thousand = swap(U256::from(1000u64), 0);
        assert_eq!(pool.requests(0).unwrap().len(), 2);
        assert_eq!(pool.quote(&thousand).err(), Some(Status::BadState));
        pool.feed(&[(0, &reserves(1_000_000, 2_000_000))]).unwrap();
        let quote = pool.quote(&thousand).unwrap();
        assert_eq!(quote.amount_out, U256::from(1992u64)); // 997 * 2000000 / 1000997, rounded down
        assert_eq!(quote.fee, U256::from(3u64));
        pool.trade(&thousand).unwrap();
        assert_eq!(pool.quote(&thousand).unwrap().amount_out, U256::from(1988u64));
    }

    #[test]
    fn an_exact_output_costs_no_more_than_it_has_to() {
        let mut pool = open(30).unwrap();
        pool.feed(&[(0, &reserves(1 << 100, 3 << 90))]).unwrap();
        for wanted in [1u64, 2, 1000, 1 << 40, u64::MAX] {
            let out = Swap { mode: abi::EXACT_OUT, ..swap(U256::from(wanted), 1) };
            let cost = pool.quote(&out).unwrap().amount_in;
            assert!(pool.quote(&swap(cost, 1)).unwrap().amount_out >= U256::from(wanted));
        }
    }

    #[test]
    fn limits_are_what_can_be_swapped() {
        let mut pool = open(30).unwrap();
        pool.feed(&[(0, &reserves(123_457, 98_761))]).unwrap();
        for side in [0, 1] {
            let limits = pool.limits(side).unwrap();
            assert!(pool.quote(&swap(limits.in_min, side)).is_ok());
            let less = limits.in_min.checked_sub(U256::ONE).unwrap();
            assert_eq!(pool.quote(&swap(less, side)).err(), Some(Status::NoLiquidity));
            assert_eq!(pool.quote(&swap(limits.in_max, side)).unwrap().amount_out, limits.out_max);
            let more = limits.in_max.checked_add(U256::ONE).unwrap();
            assert_eq!(pool.quote(&swap(more, side)).err(), Some(Status::OutOfRange));
        }
    }

    #[test]
    fn reserves_that_no_pair_can_hold_do_not_decode() {
        let mut pool = open(30).unwrap();
        assert_eq!(pool.feed(&[(0, &reserves(1 << 112, 1))]), Err(Status::BadState));
        assert_eq!(pool.feed(&[(0, &reserves(1, 1)[..63])]), Err(Status::BadState));
        assert_eq!(pool.feed(&[]), Err(Status::NeedState));
    }
}

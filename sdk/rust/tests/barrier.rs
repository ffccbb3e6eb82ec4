//! Nothing unwinds out of a call: a panic is the plugin's fault, and where there is a text, it has it.
use gantry_sdk::testing::{swap, FakeHost, FakePool, FakeRun, FakeSponsor, Value};
use gantry_sdk::*;

struct Panics;

impl DexPlugin for Panics {
    fn create(_host: Host, config: &Config<'_>) -> Result<Self, Error> {
        match config.string("where")? {
            "create" => panic!("in create, {}", 1 + 1),
            "refuse" => Err(Error::refused("never with these")),
            _ => Ok(Panics),
        }
    }
    fn open_pool(&self, spec: &PoolSpec<'_>, _: &StateWriter<'_>) -> Result<PoolTraits, Error> {
        assert_eq!(spec.tokens()[0].decimals, 18, "decimals");
        Ok(PoolTraits::default())
    }
    fn requests(
        &self,
        _: &Context<'_>,
        _: &PoolSpec<'_>,
        _: &State<'_>,
        _: u32,
        _: &RequestSink<'_>,
    ) -> Answer {
        std::panic::panic_any(7) // no text
    }
    fn apply(&self, _: &Context<'_>, _: &State<'_>, _: &Facts<'_>, _: &StateWriter<'_>) -> Answer {
        panic!("in apply")
    }
    fn quote(&self, _: &PoolState<'_>, swap: &Swap, _: Option<&mut Next<'_>>) -> Answer<Quote> {
        let none: [u64; 0] = [];
        Ok(Quote { gas: none[swap.token_in as usize], ..Quote::default() })
    }
    fn limits(&self, _: &PoolState<'_>, _: u32, _: u32) -> Answer<SwapLimits> {
        panic!("in limits")
    }
    fn view(&self, _: &PoolState<'_>) -> Answer<PoolView> {
        panic!("in view")
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("in drop")
    }
}

fn open(at: &str, decimals: u32) -> Result<FakePool<Panics>, Error> {
    FakePool::open(&FakeHost::new(), &[("where", Value::Text(at))], [decimals, 6])
}

#[test]
fn a_panic_in_a_venue_is_its_fault_with_its_text() {
    let error = open("create", 18).err().unwrap();
    assert_eq!(
        (error.status, error.message.as_str()),
        (Status::PluginFault, "panicked: in create, 2")
    );
    let error = open("open_pool", 6).err().unwrap();
    assert_eq!(error.status, Status::PluginFault);
    assert!(error.message.contains("decimals"), "{}", error.message);
    let mut pool = open("elsewhere", 18).unwrap();
    assert_eq!(pool.requests(0).err(), Some(Status::PluginFault));
    assert_eq!(pool.feed(&[]), Err(Status::PluginFault));
    assert_eq!(pool.quote(&swap(U256::ONE, 0)).err(), Some(Status::PluginFault));
    assert_eq!(pool.limits(0).err(), Some(Status::PluginFault));
    drop(pool); // its own drop panics, and nothing of that gets out
}

#[test]
fn a_refusal_and_a_missing_parameter_have_their_texts() {
    assert_eq!(open("refuse", 18).err(), Some(Error::refused("never with these")));
    let error =
        FakePool::<Panics>::open(&FakeHost::new(), &[("where", Value::Integer(1))], [18, 6]);
    let error = error.err().unwrap();
    assert_eq!(error.status, Status::PluginFault);
    assert!(error.message.contains("'where'"), "{}", error.message);
}

struct Loud;

impl TradingStrategy for Loud {
    fn create(_: Host, _: &Config<'_>) -> Result<Self, Error> {
        Ok(Loud)
    }
    fn prepare(&mut self, _: &Market<'_>) -> Result<(), Error> {
        panic!("{}", "long ".repeat(100))
    }
    fn find(&mut self, _: &Market<'_>, _: &OpportunitySink<'_>) -> Answer {
        panic!("in find")
    }
    fn size(&mut self, _: &Market<'_>, _: &Opportunity, _: &SizingLimits) -> Answer<Opportunity> {
        panic!("in size")
    }
}

impl Paymaster for Loud {
    fn create(_: Host, _: &Config<'_>) -> Result<Self, Error> {
        Ok(Loud)
    }
    fn supports(&mut self, _: &Context<'_>, _: &UserOperation<'_>) -> Answer {
        panic!("in supports")
    }
    fn request(
        &mut self,
        _: &Context<'_>,
        _: &UserOperation<'_>,
        _: u32,
        _: &HttpSink<'_>,
    ) -> Answer {
        panic!("in request")
    }
    fn response(
        &mut self,
        _: &Context<'_>,
        _: &UserOperation<'_>,
        _: u32,
        _: u32,
        _: &[u8],
    ) -> Answer<Sponsorship> {
        panic!("in response")
    }
}

#[test]
fn a_panic_in_a_strategy_or_a_paymaster_is_its_fault_and_a_long_text_is_cut() {
    let (host, market) = (FakeHost::new(), testing::FakeMarket::new());
    let mut run = FakeRun::<Loud>::create(&host, &[]).unwrap();
    let error = run.prepare(&market).unwrap_err();
    assert_eq!((error.status, error.message.len()), (Status::PluginFault, 247));
    assert_eq!(run.find(&market).err(), Some(Status::PluginFault));
    let found = Opportunity::default();
    assert_eq!(
        run.size(&market, &found, &SizingLimits::default()).err(),
        Some(Status::PluginFault)
    );
    let mut sponsor = FakeSponsor::<Loud>::create(&host, &[]).unwrap();
    assert_eq!(sponsor.supports(), Err(Status::PluginFault));
    assert_eq!(sponsor.request(0).err(), Some(Status::PluginFault));
    assert_eq!(sponsor.response(0, 200, b"").err(), Some(Status::PluginFault));
}

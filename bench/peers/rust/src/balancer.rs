// revm on the pools' own bytecode: the call that the Vault makes of a pool, whose code and storage
// are in memory.
use crate::{number, Quoter};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use revm::context::{BlockEnv, Context, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::state::{AccountInfo, Bytecode};
use revm::{ExecuteEvm, MainBuilder, MainContext, MainnetEvm};
use serde_json::Value;

type Evm = MainnetEvm<revm::handler::MainnetContext<CacheDB<EmptyDB>>>;

pub struct Contracts {
    evm: Evm,
    calls: Vec<Vec<TxEnv>>,
}

fn tx(from: Address, to: Address, data: Bytes) -> TxEnv {
    TxEnv {
        caller: from,
        kind: TxKind::Call(to),
        data,
        gas_limit: 10_000_000,
        gas_price: 0,
        chain_id: None,
        ..TxEnv::default()
    }
}

impl Quoter for Contracts {
    const NAME: &'static str = "revm on the pool's bytecode";

    fn new(venue: &Value) -> Self {
        let mut db = CacheDB::new(EmptyDB::default());
        for (address, account) in venue["accounts"].as_object().unwrap() {
            let address: Address = address.parse().unwrap();
            let code: Bytes = number(&account["code"]);
            db.insert_account_info(address, AccountInfo::from_bytecode(Bytecode::new_raw(code)));
            for (slot, value) in account["storage"].as_object().unwrap() {
                db.insert_account_storage(address, slot.parse().unwrap(), number(value)).unwrap();
            }
        }
        let timestamp: U256 = number(&venue["time"]);
        let evm = Context::mainnet()
            .with_db(db)
            .with_block(BlockEnv { timestamp, ..BlockEnv::default() })
            .modify_cfg_chained(|cfg| {
                cfg.disable_eip3607 = true; // the Vault is a contract
                cfg.disable_nonce_check = true;
            })
            .build_mainnet();
        let vault: Address = number(&venue["vault"]);
        let calls_of = |pool: &Value| {
            let to: Address = number(&pool["address"]);
            let calls = pool["calls"].as_array().unwrap().iter();
            calls.map(|data| tx(vault, to, number(data))).collect()
        };
        Contracts { evm, calls: venue["pools"].as_array().unwrap().iter().map(calls_of).collect() }
    }

    fn quote(&mut self, pool: usize, swap: usize) -> U256 {
        let done = self.evm.transact(self.calls[pool][swap].clone()).unwrap().result;
        assert!(done.is_success(), "{done:?}");
        U256::from_be_slice(done.output().unwrap())
    }
}

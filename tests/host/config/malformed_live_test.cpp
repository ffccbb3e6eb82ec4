// Every key of [[chain]], [[chain.provider]], [live], [ledger] and [[dex.pool]], each way that it
// can be wrong: its type, its range, its name.
#include "malformed.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

constexpr Row rows[] = {
    // [[chain]] and its providers, key by key
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nname = 1\n", 3, 8,
     "chain.eip155:1.name is the integer 1", "\"1\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nnam = \"x\"\n", 3, 1,
     "unknown key nam in chain.eip155:1", "name"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nblock_time_s = \"12\"\n", 3, 16,
     "chain.eip155:1.block_time_s is the text \"12\"", "12"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nblock_time_s = 3601\n", 3, 16,
     "chain.eip155:1.block_time_s is 3601: it is above the maximum of 3600 seconds"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ngas_price_gwei = 1000001\n", 3, 18,
     "chain.eip155:1.gas_price_gwei is 1000001: it is above the maximum of 1000000 gwei"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ngas_price = 5\n", 3, 1,
     "unknown key gas_price in chain.eip155:1", "gas_price_gwei"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ndata_fee = \"optimism\"\n", 3, 12,
     "chain.eip155:1.data_fee is the text \"optimism\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ndata_fee = \"opstack\"\n", 3, 12,
     "chain.eip155:1.data_fee is the text \"opstack\"", "\"op_stack\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ndata_fee = 1\n", 3, 12,
     "chain.eip155:1.data_fee is the integer 1", "\"1\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ndata_fees = \"none\"\n", 3, 1,
     "unknown key data_fees in chain.eip155:1", "data_fee"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nnative_symbol = false\n", 3, 17,
     "chain.eip155:1.native_symbol is the boolean false", "\"false\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nnative_symbl = \"POL\"\n", 3, 1,
     "unknown key native_symbl in chain.eip155:1", "native_symbol"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nwrapped_nativ = \"0x00\"\n", 3, 1,
     "unknown key wrapped_nativ in chain.eip155:1", "wrapped_native"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nusd_token = []\n", 3, 1,
     "unknown key usd_token in chain.eip155:1", "usd_tokens"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nusd_tokens = [\"0xA0b8\"]\n", 3, 15,
     "chain.eip155:1.usd_tokens is the text \"0xA0b8\": it has 4 hex digits"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ncheck_tokens = \"yes\"\n", 3, 16,
     "chain.eip155:1.check_tokens is the text \"yes\"", "true"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ncheck_tokens = 0\n", 3, 16,
     "chain.eip155:1.check_tokens is the integer 0", "false"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ncheck_token = true\n", 3, 1,
     "unknown key check_token in chain.eip155:1", "check_tokens"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\nodd_tokens = \"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\"\n",
     3, 14, "chain.eip155:1.odd_tokens is the text \"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nodd_tokens = [true]\n", 3, 15,
     "chain.eip155:1.odd_tokens is the boolean true: it is no text"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nodd_tokens = [\"USDC\"]\n", 3, 15,
     "chain.eip155:1.odd_tokens is the text \"USDC\": it does not begin with 0x"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nodd_token = []\n", 3, 1,
     "unknown key odd_token in chain.eip155:1", "odd_tokens"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[chain.provider]\n", 3, 8,
     "chain.eip155:1.provider is a table, and not a list of tables", "[[chain.provider]]"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nurl = \"https://a\"\n", 3, 1,
     "chain.eip155:1.provider.name is missing"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = 1\nurl = \"https://a\"\n", 4, 8,
     "chain.eip155:1.provider.name is the integer 1"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = "
     "\"https://a\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://b\"\n",
     7, 8, "chain.eip155:1.provider.a.name is there twice"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = 1\n", 5, 7,
     "chain.eip155:1.provider.a.url is the integer 1", "\"1\""},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"ftp://a\"\n", 5, 7,
     "chain.eip155:1.provider.a.url is the text \"ftp://a\""},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = "
     "\"https://a\"\npriority = 1001\n",
     6, 12, "chain.eip155:1.provider.a.priority is 1001: it is above the maximum of 1000"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = "
     "\"https://a\"\npriority = \"1\"\n",
     6, 12, "chain.eip155:1.provider.a.priority is the text \"1\"", "1"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://a\"\npriorty "
     "= 1\n",
     6, 1, "unknown key priorty in chain.eip155:1.provider.a", "priority"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://a\"\nweight "
     "= 0\n",
     6, 10, "chain.eip155:1.provider.a.weight is 0: it is below the minimum of 1"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://a\"\nweight "
     "= 1001\n",
     6, 10, "chain.eip155:1.provider.a.weight is 1001: it is above the maximum of 1000"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://a\"\nweight "
     "= 0.5\n",
     6, 10, "chain.eip155:1.provider.a.weight is the number 0.5"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://a\"\nwieght "
     "= 1\n",
     6, 1, "unknown key wieght in chain.eip155:1.provider.a", "weight"},
    // [live], key by key
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\npoll_ms = \"10\"\n", 4, 11,
     "live.poll_ms is the text \"10\"", "10"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\npoll_ms = -1\n", 4, 11,
     "live.poll_ms is -1: it is below the minimum of 0 ms"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\npoll_ms = 60001\n", 4, 11,
     "live.poll_ms is 60001: it is above the maximum of 60000 ms"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\nundo_blocks = 64.5\n", 4, 15,
     "live.undo_blocks is the number 64.5"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\nundo_blocks = 0\n", 4, 15,
     "live.undo_blocks is 0: it is below the minimum of 1 block"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\nundo_blocks = 1025\n", 4, 15,
     "live.undo_blocks is 1025: it is above the maximum of 1024 blocks"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\ngap_blocks_max = true\n", 4, 18,
     "live.gap_blocks_max is the boolean true"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\ngap_blocks_max = 0\n", 4, 18,
     "live.gap_blocks_max is 0: it is below the minimum of 1 block"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\ngap_blocks_max = 10001\n", 4, 18,
     "live.gap_blocks_max is 10001: it is above the maximum of 10000 blocks"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\naudit_every_blocks = \"never\"\n", 4, 22,
     "live.audit_every_blocks is the text \"never\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\naudit_every_blocks = -1\n", 4, 22,
     "live.audit_every_blocks is -1: it is below the minimum of 0 blocks"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\naudit_every_blocks = 1000001\n", 4, 22,
     "live.audit_every_blocks is 1000001: it is above the maximum of 1000000 blocks"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\naudit_pools = [8]\n", 4, 15,
     "live.audit_pools is a list of 1"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\naudit_pools = 0\n", 4, 15,
     "live.audit_pools is 0: it is below the minimum of 1 pool"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\naudit_pools = 10001\n", 4, 15,
     "live.audit_pools is 10001: it is above the maximum of 10000 pools"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\ncases = 3\n", 4, 9,
     "live.cases is the integer 3", "\"3\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\npol_ms = 1\n", 4, 1,
     "unknown key pol_ms in live", "poll_ms"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\nundo_block = 1\n", 4, 1,
     "unknown key undo_block in live", "undo_blocks"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\ngap_blocks = 1\n", 4, 1,
     "unknown key gap_blocks in live", "gap_blocks_max"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\naudit_every_block = 1\n", 4, 1,
     "unknown key audit_every_block in live", "audit_every_blocks"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\naudit_pool = 1\n", 4, 1,
     "unknown key audit_pool in live", "audit_pools"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[live]\ncase = 1\n", 4, 1,
     "unknown key case in live", "cases"},
    // [ledger]
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[ledger]\npath = 7\n", 4, 8,
     "ledger.path is the integer 7", "\"7\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[ledger]\nkey = true\n", 4, 7,
     "ledger.key is the boolean true", "\"true\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[ledger]\npaht = \"x\"\n", 4, 1,
     "unknown key paht in ledger", "path"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[[ledger]]\npath = \"x\"\n", 3, 3,
     "ledger is a list of 1, and not a table", "[ledger]"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[liv]\n", 3, 2, "unknown table liv", "live"},
    // [[dex.pool]], key by key
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\ndiscover = \"no\"\n", 3, 12,
     "dex.uniswap_v2.discover is the text \"no\"", "false"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\ndiscovr = false\n", 3, 1,
     "unknown key discovr in dex.uniswap_v2", "discover"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\npool = \"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\n", 3,
     1,
     "dex.uniswap_v2.pool is the text \"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\", and not a "
     "list of tables"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\n[dex.pool]\n", 3, 6,
     "dex.uniswap_v2.pool is a table, and not a list of tables", "[[dex.pool]]"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", "
     "\"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"]\n",
     3, 1, "dex.uniswap_v2.pool.0.address is missing"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = 7\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", "
     "\"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"]\n",
     4, 11, "dex.uniswap_v2.pool.0.address is the integer 7"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9\"\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", "
     "\"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"]\n",
     4, 11,
     "dex.uniswap_v2.pool.0.address is the text \"****************************************\": it "
     "has 38 hex digits"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\nadress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", "
     "\"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"]\n",
     4, 1, "unknown key adress in dex.uniswap_v2.pool.0", "address"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\n",
     3, 1, "dex.uniswap_v2.pool.0.tokens is missing"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\ntokens = "
     "\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\"\n",
     5, 10,
     "dex.uniswap_v2.pool.0.tokens is the text \"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\""},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\"]\n",
     5, 10, "dex.uniswap_v2.pool.0.tokens names one token"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", 1]\n",
     5, 57, "dex.uniswap_v2.pool.0.tokens is the integer 1: it is no text"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", \"WETH\"]\n",
     5, 57, "dex.uniswap_v2.pool.0.tokens is the text \"WETH\": it does not begin with 0x"},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", "
     "\"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"]\nmetadata = 5\n",
     6, 12, "dex.uniswap_v2.pool.0.metadata is the integer 5", "\"5\""},
    {In::dex,
     "[[dex]]\nname = \"uniswap_v2\"\n[[dex.pool]]\naddress = "
     "\"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\ntokens = "
     "[\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", "
     "\"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"]\nmeta_data = \"\"\n",
     6, 1, "unknown key meta_data in dex.uniswap_v2.pool.0", "metadata"},
};

}  // namespace

TEST_CASE("each key of a live chain that is wrong is told with its place, reason and remedy") {
  STATIC_REQUIRE(std::size(rows) >= 70);
  check_rows(rows);
}

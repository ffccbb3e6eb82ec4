#!/usr/bin/env python3
"""Takes what pools of the main networks answered from degenbot's recordings, for the tests.

Not run by CI. DEGENBOT is a checkout of github.com/BowTiedDevil/degenbot (MIT) at the commit below,
or a folder with its tests/golden and tests/fixtures in it:

    import_degenbot.py DEGENBOT

writes tests/plugins/curve/recorded/mainnet.json and
tests/plugins/uniswap_v2/recorded/pancakeswap.json. No answer is computed here: states and answers
are copied, with the tokens' symbols turned into places. What is left out is counted in the files.
"""
import json, pathlib, sys

COMMIT = '1fb8d74b2189d38c1b07a82a733738a23a6a83fd'
TESTS = pathlib.Path(__file__).resolve().parents[2]
FROM = pathlib.Path(sys.argv[1])
if (FROM / 'tests').is_dir() and not (FROM / 'golden').is_dir():
    FROM = FROM / 'tests'


def load(path):
    return json.loads((FROM / path).read_text())


def source(*paths):
    return (f'facts recorded from chain by BowTiedDevil/degenbot (MIT), commit {COMMIT}: '
            + ', '.join(f'tests/{path}' for path in paths))


def text_of(value):
    return str(value) if isinstance(value, int) else [text_of(each) for each in value]


def answers_of(golden, function, symbols):
    """[[token in, token out, amount, answer]] of one function."""
    rows = []
    for key, entry in golden['entries'].items():
        _, asked, pair, amount = key.split('|')
        if asked != function:
            continue
        token_in, token_out = pair.split('->')
        if token_in in symbols and token_out in symbols:
            rows.append([symbols.index(token_in), symbols.index(token_out), amount,
                         text_of(entry['value'])])
    return sorted(rows, key=lambda row: (row[0], row[1], int(row[2])))


def stable_pool(state, variant):
    return {'name': state['name'] if 'name' in state else '', 'variant': variant,
            'address': state['address'],
            'coins': [[t['symbol'], t['decimals']] for t in state['tokens']],
            'balances': text_of(state['balances']), 'fee': text_of(state['fee']),
            'admin_fee': text_of(state['admin_fee']), 'initial_A': text_of(state['initial_a']),
            'future_A': text_of(state['future_a']), 'initial_A_time': text_of(state['initial_a_time']),
            'future_A_time': text_of(state['future_a_time'])}


def symbols_of(pool):
    return [symbol for symbol, _ in pool['coins']]


def write(path, head, pools):
    """One pool a line but for its answers, so that a change shows."""
    lines = []
    for pool in pools:
        answers = pool.pop('answers')
        rows = ',\n  '.join(json.dumps(row) for row in answers)
        lines.append(json.dumps(pool)[:-1] + ',\n "answers": [\n  ' + rows + '\n ]}')
    text = json.dumps(head)[:-1] + ',\n"pools": [\n' + ',\n'.join(lines) + '\n]}\n'
    json.loads(text)
    out = TESTS / path
    out.parent.mkdir(exist_ok=True)
    out.write_text(text)
    print(out)


def curve():
    states = 'fixtures/chain_data/1/'
    goldens = 'golden/tests/curve/test_curve_onchain_parity/'
    paths = [states + 'curve_tripool_block_24407242.json',
             states + 'curve_metapool_rai_3crv_block_25144000.json',
             goldens + 'test_curve_tripool_get_dy.json', goldens + 'test_curve_metapool_get_dy.json']
    three, rai, of_three, of_rai = map(load, paths)
    pools = []

    pool = stable_pool(three, '3pool')
    pool |= {'block': three['block'], 'time_s': three['block_timestamp']}
    pool['answers'] = answers_of(of_three, 'get_dy', symbols_of(pool))
    pools.append(pool)

    # get_dy_underlying() between two coins of the base pool is the base pool's own get_dy().
    base = rai['base_pool'] | {'name': '3pool, through get_dy_underlying() of RAI/3Crv'}
    pool = stable_pool(base, '3pool')
    pool |= {'block': rai['block'], 'time_s': rai['block_timestamp']}
    pool['answers'] = answers_of(of_rai, 'get_dy_underlying', symbols_of(pool))
    pools.append(pool)

    pool = stable_pool(rai, 'meta_rai')
    pool |= {'block': rai['block'], 'time_s': rai['block_timestamp'],
             'base_virtual_price': text_of(rai['base_virtual_price']),
             'base_cache_updated': text_of(rai['base_cache_updated']),
             'virtual_price_of_base': text_of(rai['base_pool']['virtual_price']),
             'redemption_price': text_of(rai['redemption_price'])}
    pool['answers'] = answers_of(of_rai, 'get_dy', symbols_of(pool))
    pools.append(pool)

    every = len(of_three['entries']) + len(of_rai['entries'])
    taken = sum(len(pool['answers']) for pool in pools)
    head = {'source': 'Curve pools of Ethereum and what get_dy() and get_dy_underlying() answered: '
                      '[coin in, coin out, amount, answer]. ' + source(*paths),
            'left_out': f'{every - taken} of {every}: get_dy_underlying() between RAI and a coin of '
                        'the base pool, which is a deposit into the base pool or a withdrawal from '
                        'it beside the swap',
            'left_out_answers': every - taken}
    write('plugins/curve/recorded/mainnet.json', head, pools)


def pancakeswap():
    state_path = 'fixtures/chain_data/8453/pancakeswap_v2_weth_usdbc_block_46875151.json'
    golden_path = ('golden/tests/pancakeswap/test_pancakeswap_v2_onchain_parity/'
                   'test_pancakeswap_v2_router_get_amounts_out.json')
    state, golden = load(state_path), load(golden_path)
    tokens = [state['token0'], state['token1']]
    pool = {'name': 'PancakeSwap V2 WETH/USDbC', 'chain': f"eip155:{state['chain_id']}",
            'block': state['block'], 'address': state['pool'], 'factory': state['factory'],
            'fee_bps': state['fee_numer'] * 10_000 // state['fee_denom'],
            'tokens': [[t['address'], t['symbol'], t['decimals']] for t in tokens],
            'reserves': text_of([state['reserves_token0'], state['reserves_token1']])}
    pool['answers'] = answers_of(golden, 'getAmountsOut', [t['symbol'] for t in tokens])
    assert len(pool['answers']) == len(golden['entries'])
    head = {'source': "A pair of PancakeSwap V2 on Base, and what its router's getAmountsOut() "
                      'answered: [token in, token out, amount, answer]. '
                      + source(state_path, golden_path)}
    write('plugins/uniswap_v2/recorded/pancakeswap.json', head, [pool])


curve()
pancakeswap()

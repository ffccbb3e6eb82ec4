#!/usr/bin/env python3
"""Records what Curve's contracts answer, for tests/plugins/curve/answers_*.zst.

Not run by CI. It is given compiled contracts and makes none: ARTIFACTS is a folder of NAME.json
with "bytecode", "runtime", "layout" (as `vyper -f layout` prints it, or null), "source" (repository,
commit and path), "compiler" and, where the source has constants to fill in, "substitutions".

    record_curve.py ARTIFACTS ANVIL VARIANT OUT.zst [SWAPS] [SEED]

Every case is one eth_simulateV1 on a local node: the pool's storage is overridden with a random
state, the plugin's questions are asked, then get_dy(), exchange(), what it left, and a second
exchange() on that. No answer is computed here: what is written down is what the contracts returned.
"""
import json, math, random, subprocess, sys, time, urllib.request
from Crypto.Hash import keccak as _keccak  # pycryptodome
import zstandard

ARTIFACTS, ANVIL, VARIANT, OUT = sys.argv[1:5]
SWAPS = int(sys.argv[5]) if len(sys.argv) > 5 else 1500
SEED = int(sys.argv[6]) if len(sys.argv) > 6 else 1
SWAPS_A_STATE = 5
PORT = 20000 + (hash(VARIANT) ^ SEED) % 20000
USER = '0x' + '11' * 20
MAX = 2**256 - 1
WAD = 10**18
NOW = 1_699_990_000
rng = random.Random(f'{VARIANT} {SEED}')


def keccak(data):
    h = _keccak.new(digest_bits=256)
    h.update(data)
    return h.digest()


def selector(signature):
    return keccak(signature.encode())[:4].hex()


def word(value):
    return f'{value % 2**256:064x}'


def address(value):
    return word(int(value, 16))


def call(signature, *arguments):
    return '0x' + selector(signature) + ''.join(word(a) for a in arguments)


class Node:
    def __init__(self):
        self.process = subprocess.Popen(
            [ANVIL, '--port', str(PORT), '--silent', '--code-size-limit', '100000', '--timestamp',
             str(NOW - 1000), '--gas-limit', str(10**9), '--base-fee', '0', '--gas-price', '0'],
            stdout=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self.account = self.ask('eth_accounts')[0]
                break
            except OSError:
                time.sleep(0.1)

    def ask(self, method, *params):
        body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params})
        request = urllib.request.Request(f'http://127.0.0.1:{PORT}', body.encode(),
                                         {'Content-Type': 'application/json'})
        answer = json.load(urllib.request.urlopen(request))
        if 'error' in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer['result']

    def send(self, to, data, sender=None):
        tx = {'from': sender or self.account, 'data': data, 'gas': hex(5 * 10**8)}
        if to:
            tx['to'] = to
        sent = self.ask('eth_sendTransaction', tx)
        while (receipt := self.ask('eth_getTransactionReceipt', sent)) is None:
            time.sleep(0.01)
        if receipt['status'] != '0x1':
            raise RuntimeError('reverted: ' + data[:10] + ' ' + str(receipt))
        return receipt

    def deploy(self, name, arguments=''):
        artifact = load(name)
        code = artifact['bytecode']
        return self.send(None, (code if code.startswith('0x') else '0x' + code) + arguments)[
            'contractAddress']

    def slot(self, contract, data):
        """Where a getter that reads one word of storage has it: where a change shows."""
        listed = self.ask('eth_createAccessList', {'from': USER, 'to': contract, 'data': data},
                          'latest')['accessList']
        slots = [s for entry in listed if entry['address'] == contract
                 for s in entry['storageKeys']]
        probe = word(0x1234567)
        for s in slots:
            seen = self.ask('eth_call', {'to': contract, 'data': data}, 'latest',
                            {contract: {'stateDiff': {s: '0x' + probe}}})
            if seen == '0x' + probe:
                return int(s, 16)
        raise RuntimeError(f'{data[:10]}: no slot among {slots}')


def load(name):
    return json.load(open(f'{ARTIFACTS}/{name}.json'))


ANSWERS_SLOT_0 = '0x60005460005260206000f3'  # any call returns sload(0)


def log_uniform(low, high):
    return int(math.exp(rng.uniform(math.log(low), math.log(high))))


class Bench:
    """One pool with its coins, ready to be put into any state."""

    def __init__(self, node, decimals):
        self.node = node
        self.decimals = decimals
        self.coins = []
        for d in decimals:
            coin = node.deploy('token', word(0x60) + word(0xa0) + word(d) + (word(1) + '41' + '0' * 62) * 2)
            self.coins.append(coin)

    def slot_code(self, value, at=None):
        """A contract that answers every call with its first word of storage."""
        if at is None:
            at = '0x' + keccak(rng.randbytes(8))[:20].hex()
        self.node.ask('anvil_setCode', at, ANSWERS_SLOT_0)
        self.node.ask('anvil_setStorageAt', at, '0x0', '0x' + word(value))
        return at

    def fund(self, pool):
        for coin in self.coins:
            balance = self.token_slot(coin, 'balanceOf', pool)
            mine = self.token_slot(coin, 'balanceOf', USER)
            for s in (balance, mine):
                self.node.ask('anvil_setStorageAt', coin, hex(s), '0x' + word(2**254))
            self.node.ask('anvil_impersonateAccount', USER)
            self.node.ask('anvil_setBalance', USER, hex(10**24))
            self.node.send(coin, call('approve(address,uint256)', int(pool, 16), MAX), USER)

    def token_slot(self, coin, getter, who):
        return self.node.slot(coin, call(getter + '(address)', int(who, 16)))

    # What exchange() takes its indices as.
    index = 'int128'

    def exchange(self, i, j, dx):
        return call(f'exchange({self.index},{self.index},uint256,uint256)', i, j, dx, 0)

    def get_dy(self, i, j, dx):
        return call(f'get_dy({self.index},{self.index},uint256)', i, j, dx)

    def view_balances(self):
        return [(self.pool, call('balances(uint256)', i)) for i in range(len(self.coins))]

    def paid(self, before, after):
        return after - before


def spread(n, decimals, wads):
    """Balances of about `wads` (18 decimals) each, in one of the buckets of imbalance."""
    kind = rng.choices(('level', 'uneven', 'extreme'), (5, 4, 2))[0]
    sigma = {'level': 0.2, 'uneven': 3 / n, 'extreme': 10 / n}[kind]
    return [max(1, int(wads * math.exp(rng.gauss(0, sigma))) * 10**d // WAD) for d in decimals]


class StableBench(Bench):
    a_precision = 100
    admin_fee_getter = True
    meta = None
    names = ['initial_A', 'future_A', 'initial_A_time', 'future_A_time', 'fee']

    def finish(self, pool):
        self.pool = pool
        self.fund(pool)
        getters = list(self.names) + (['admin_fee'] if self.admin_fee_getter else [])
        self.slots = {g: self.node.slot(pool, call(g + '()')) for g in getters}
        self.find_balances()
        return self

    def find_balances(self):
        self.balance_slots = [self.node.slot(self.pool, call('balances(uint256)', i))
                              for i in range(len(self.coins))]

    def put_balances(self, diff, balances):
        for s, b in zip(self.balance_slots, balances):
            diff[s] = b

    def questions(self):
        asked = [(self.pool, call('balances(uint256)', i)) for i in range(len(self.coins))]
        asked += [(self.pool, call(g + '()')) for g in self.slots if g in self.names]
        if self.admin_fee_getter:
            asked.append((self.pool, call('admin_fee()')))
        return asked + self.more_questions()

    def more_questions(self):
        return []

    def random_state(self):
        overrides = {}
        diff = {}
        n = len(self.coins)
        self.balances = spread(n, self.decimals, log_uniform(10**16, 10**28))
        self.put_balances(diff, self.balances)
        a = log_uniform(1, 10**6) * self.a_precision
        diff[self.slots['initial_A']] = diff[self.slots['future_A']] = a
        now = NOW + rng.randrange(10**6)
        if rng.random() < 0.35:  # ramping
            diff[self.slots['future_A']] = max(self.a_precision, a * rng.randrange(11, 999) // 100
                                               if rng.random() < 0.5 else a * 100 // rng.randrange(101, 999))
            start = now - rng.randrange(1, 10**6)
            diff[self.slots['initial_A_time']] = start
            diff[self.slots['future_A_time']] = now + rng.randrange(1, 10**6)
        diff[self.slots['fee']] = rng.choice((0, 10**6, 4 * 10**6, rng.randrange(10**8), rng.randrange(5 * 10**9)))
        if self.admin_fee_getter:
            diff[self.slots['admin_fee']] = rng.choice((0, 5 * 10**9, 10**10, rng.randrange(10**10)))
        overrides[self.pool] = diff
        self.more_state(overrides, now)
        return overrides, now

    def more_state(self, overrides, now):
        pass

    def random_swap(self):
        n = len(self.coins)
        i, j = rng.sample(range(n), 2)
        unit = max(1, self.balances[i])
        kind = rng.choices(('dust', 'small', 'large', 'drain', 'absurd'), (12, 35, 30, 18, 5))[0]
        dx = {'dust': lambda: rng.randrange(1, 1000),
              'small': lambda: unit // log_uniform(100, 10**7),
              'large': lambda: unit * rng.randrange(1, 100) // 100,
              'drain': lambda: unit * log_uniform(1, 10**4),
              'absurd': lambda: rng.randrange(2**rng.randrange(150, 254))}[kind]()
        return i, j, max(1, dx)


class ThreePool(StableBench):
    a_precision = 1

    def __init__(self, node, decimals):
        super().__init__(node, decimals)
        arguments = address(node.account) + ''.join(map(address, self.coins)) + address(
            self.coins[0]) + word(100) + word(10**6) + word(0)
        self.finish(node.deploy('3pool', arguments))


class Base(StableBench):
    def __init__(self, node, name, decimals):
        super().__init__(node, decimals)
        arguments = address(node.account) + ''.join(map(address, self.coins)) + address(
            self.coins[0]) + word(100) + word(10**6) + word(0)
        self.finish(node.deploy(name, arguments))


class Meta(StableBench):
    def __init__(self, node, name, decimals):
        super().__init__(node, decimals)
        self.base = self.slot_code(int(self.coins[0], 16))
        arguments = address(node.account) + ''.join(map(address, self.coins)) + address(
            self.coins[0]) + address(self.base) + word(100) + word(10**6) + word(0)
        self.finish(node.deploy(name, arguments))
        for g in ('base_virtual_price', 'base_cache_updated'):
            self.slots[g] = node.slot(self.pool, call(g + '()'))

    def more_questions(self):
        return [(self.pool, call('base_virtual_price()')), (self.pool, call('base_cache_updated()')),
                (self.base, call('get_virtual_price()'))]

    def more_state(self, overrides, now):
        diff = overrides[self.pool]
        diff[self.slots['base_virtual_price']] = WAD + rng.randrange(WAD // 2)
        diff[self.slots['base_cache_updated']] = now - rng.choice((0, 599, 600, 601, rng.randrange(10**6)))
        overrides[self.base] = {0: WAD + rng.randrange(WAD // 2)}


class MetaRai(Meta):
    """StableSwapRAI: the first coin's rate is asked of another contract, in 27 decimals."""

    def __init__(self, node, name, decimals):
        StableBench.__init__(self, node, decimals)
        self.base = self.slot_code(int(self.coins[0], 16))
        self.snap = self.slot_code(3 * 10**27)
        arguments = address(node.account) + ''.join(map(address, self.coins)) + address(
            self.coins[0]) + address(self.base) + address(self.snap) + word(100) + word(10**6) + word(0)
        self.finish(node.deploy(name, arguments))
        for g in ('base_virtual_price', 'base_cache_updated'):
            self.slots[g] = node.slot(self.pool, call(g + '()'))

    def more_questions(self):
        return super().more_questions() + [(self.snap, call('snappedRedemptionPrice()'))]

    def more_state(self, overrides, now):
        super().more_state(overrides, now)
        overrides[self.snap] = {0: log_uniform(10**26, 10**28)}


class FactoryPlain(StableBench):
    admin_fee_getter = False

    def __init__(self, node, name, decimals):
        super().__init__(node, decimals)
        pool = '0x' + keccak(name.encode() + bytes(decimals))[:20].hex()
        code = load(name)['runtime']
        node.ask('anvil_setCode', pool, code if code.startswith('0x') else '0x' + code)
        four = lambda values: ''.join(map(word, (values + [0] * 4)[:4]))
        body = (word(0x180) + word(0x1c0) + four([int(c, 16) for c in self.coins])
                + four([10**(36 - d) for d in decimals]) + word(100) + word(10**6)
                + (word(1) + '41' + '0' * 62) * 2)
        node.send(pool, '0x' + selector('initialize(string,string,address[4],uint256[4],uint256,uint256)') + body)
        self.finish(pool)


class FactoryMeta(StableBench):
    admin_fee_getter = False
    POOL3 = '0xbebc44782c7db0a1a60cb6fe97d0b483032ff1c7'
    CRV3 = '0x6c3f90f043a72fa612cbac8115ee7e52bde6e490'
    BASE_COINS = ('0x6b175474e89094c44da98b954eedeac495271d0f',
                  '0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48',
                  '0xdac17f958d2ee523a2206206994597c13d831ec7')

    def __init__(self, node, name, decimals):
        super().__init__(node, decimals)
        token = node.ask('eth_getCode', self.coins[0], 'latest')
        for coin in (self.CRV3,) + self.BASE_COINS:
            node.ask('anvil_setCode', coin, token)
        self.coins[1] = self.CRV3
        self.slot_code(WAD, self.POOL3)
        pool = '0x' + keccak(name.encode() + bytes(decimals))[:20].hex()
        code = load(name)['runtime']
        node.ask('anvil_setCode', pool, code if code.startswith('0x') else '0x' + code)
        body = (word(0xc0) + word(0x100) + address(self.coins[0]) + word(10**(36 - decimals[0]))
                + word(100) + word(10**6) + (word(1) + '41' + '0' * 62) * 2)
        node.send(pool, '0x' + selector('initialize(string,string,address,uint256,uint256,uint256)') + body)
        self.finish(pool)

    def more_questions(self):
        return [(self.POOL3, call('get_virtual_price()'))]

    def more_state(self, overrides, now):
        overrides[self.POOL3] = {0: WAD + rng.randrange(WAD // 2)}


class Ng(StableBench):
    admin_fee_getter = False
    a_precision = 100

    def __init__(self, node, name, decimals, oracles):
        super().__init__(node, decimals)
        self.oracle_of = {i: self.slot_code(WAD) for i in oracles}
        n = len(decimals)
        lists = [[int(c, 16) for c in self.coins], [10**(36 - d) for d in decimals],
                 [1 if i in oracles else 0 for i in range(n)],
                 [0x12345678 << 224 if i in oracles else 0 for i in range(n)],
                 [int(self.oracle_of.get(i, '0x0'), 16) for i in range(n)]]
        text = word(1) + '41' + '0' * 62
        self.make(name, lists, text, [word(100), word(10**6), word(2 * 10**10), word(866)])
        self.views = node.deploy('ng_views')
        # The deployer stands for the factory, which tells where the views are.
        node.ask('anvil_setCode', node.account, ANSWERS_SLOT_0)
        node.ask('anvil_setStorageAt', node.account, '0x0', '0x' + address(self.views))
        self.fund_done = True

    def make(self, name, lists, text, numbers):
        tails = [text, text] + [word(len(l)) + ''.join(map(word, l)) for l in lists]
        head_words = 2 + 4 + 5
        at = head_words * 32
        heads = []
        for tail in tails:
            heads.append(word(at))
            at += len(tail) // 2
        arguments = ''.join(heads[:2] + numbers + heads[2:]) + ''.join(tails)
        self.finish(self.node.deploy(name, arguments))

    def finish(self, pool):
        self.names = StableBench.names + ['offpeg_fee_multiplier']
        return super().finish(pool)

    def find_balances(self):
        layout = load(self.artifact)['layout']
        layout = layout.get('storage_layout', layout)
        at = lambda name: layout[name]['slot']
        # A DynArray has its length first; MetaNG's stored_balances are a plain array.
        skip = 0 if 'DynArray' not in layout['stored_balances']['type'] else 1
        self.balance_slots = [at('stored_balances') + skip + i for i in range(len(self.coins))]
        self.admin_slots = [at('admin_balances') + 1 + i for i in range(len(self.coins))]

    artifact = 'ng'

    def put_balances(self, diff, balances):
        for s, a, b in zip(self.balance_slots, self.admin_slots, balances):
            taken = rng.randrange(b // 100 + 1)
            diff[s] = b + taken
            diff[a] = taken

    def questions(self):
        asked = [(self.pool, call('balances(uint256)', i)) for i in range(len(self.coins))]
        asked += [(self.pool, call(g + '()')) for g in StableBench.names]
        return asked + [(self.pool, call(g + '()')) for g in
                        ('stored_rates', 'offpeg_fee_multiplier', 'version')]

    def more_state(self, overrides, now):
        overrides[self.pool][self.slots['offpeg_fee_multiplier']] = rng.choice(
            (0, 10**10, 2 * 10**10, 5 * 10**10, rng.randrange(10**10, 10**11)))
        for oracle in self.oracle_of.values():
            overrides[oracle] = {0: log_uniform(WAD // 2, 3 * WAD)}


class NgMeta(Ng):
    artifact = 'ng_meta'

    def make(self, name, lists, text, numbers):
        self.math = self.node.deploy('ng_math')
        self.base = self.slot_code(WAD)
        coins, rates, types, methods, oracles = lists
        lists = [coins, [int(self.coins[0], 16)] * 2, rates, types, methods, oracles]
        tails = [text, text] + [word(len(l)) + ''.join(map(word, l)) for l in lists]
        head_words = 2 + 4 + 2 + 6
        at = head_words * 32
        heads = []
        for tail in tails:
            heads.append(word(at))
            at += len(tail) // 2
        arguments = ''.join(heads[:2] + numbers + [address(self.math), address(self.base)] + heads[2:]) + ''.join(tails)
        self.finish(self.node.deploy(name, arguments))

    def more_state(self, overrides, now):
        super().more_state(overrides, now)
        overrides[self.base] = {0: WAD + rng.randrange(WAD // 2)}


class Crypto(Bench):
    """Pools of volatile coins. Their D and virtual price belong to their balances, so the maths
    contract is asked for D; what else is put into storage is drawn at random around that."""
    index = 'uint256'

    def __init__(self, node, name, decimals):
        super().__init__(node, decimals)
        n = self.n = len(decimals)
        self.math = node.deploy(name + '_math')
        precisions = [10**(18 - d) for d in decimals]
        curve, fees, rebalance = 270000 << 128 | 10**13, 1 << 128, 866
        text = word(1) + '41' + '0' * 62
        if n == 2:
            packed = precisions[0] | precisions[1] << 128
            numbers = [*map(address, self.coins), address(self.math), word(7), word(packed),
                       word(curve), word(fees), word(rebalance), word(WAD)]
        else:
            packed = precisions[0] << 128 | precisions[1] << 64 | precisions[2]
            numbers = [*map(address, self.coins), address(self.math), address('0x' + 'ee' * 20),
                       word(7), word(packed), word(curve), word(fees), word(rebalance),
                       word(WAD | WAD << 128)]
        at = (2 + len(numbers)) * 32
        arguments = word(at) + word(at + 64) + ''.join(numbers) + text + text
        self.pool = node.deploy(name, arguments)
        self.fund(self.pool)
        self.layout = load(name)['layout']
        self.layout = self.layout.get('storage_layout', self.layout)
        views = node.deploy(name + '_views')
        node.ask('anvil_setCode', node.account, ANSWERS_SLOT_0)
        node.ask('anvil_setStorageAt', node.account, '0x0', '0x' + address(views))
        self.a_range = ((4 * 1000, 4 * 10**7) if n == 2 else (27 * 100, 27 * 10**7))

    def at(self, name):
        return self.layout[name]['slot']

    def questions(self):
        ask = lambda signature, *arguments: (self.pool, call(signature, *arguments))
        asked = [ask('balances(uint256)', i) for i in range(self.n)] + [ask('D()')]
        if self.n == 2:
            asked += [ask('price_scale()'), ask('last_prices()'), ask('last_timestamp()')]
            oracle = 'cached_price_oracle'
        else:
            asked += [ask('price_scale(uint256)', k) for k in range(2)]
            asked += [ask('last_prices(uint256)', k) for k in range(2)]
            asked += [ask('last_prices_timestamp()')]
            oracle = 'price_oracle_packed'
        asked += [ask(g + '()') for g in (
            'initial_A_gamma', 'future_A_gamma', 'initial_A_gamma_time', 'future_A_gamma_time',
            'packed_fee_params', 'packed_rebalancing_params', 'xcp_profit', 'virtual_price',
            'totalSupply', 'version')]
        return asked + [('slot', '0x' + word(self.at(oracle)))]

    def solve_d(self, curve, xp):
        data = '0x' + selector(f'newton_D(uint256,uint256,uint256[{self.n}],uint256)') + ''.join(
            map(word, [curve >> 128, curve & 2**128 - 1, *xp, 0]))
        try:
            return int(self.node.ask('eth_call', {'to': self.math, 'data': data}, 'latest'), 16)
        except RuntimeError:
            return 0

    def random_state(self):
        while True:
            state = self.try_state()
            if state:
                return state

    def try_state(self):
        n = self.n
        scale = [log_uniform(10**12, 10**24) for _ in range(n - 1)]
        wads = log_uniform(10**19, 10**28)
        sigma = rng.choice((0.02, 0.1, 0.3, 0.8))
        xp = [int(wads * math.exp(rng.gauss(0, sigma))) for _ in range(n)]
        self.balances = [x * WAD // p // 10**(18 - d)
                         for x, p, d in zip(xp, [WAD] + scale, self.decimals)]
        if min(self.balances) < 10**4:
            return None
        xp = [b * 10**(18 - d) * p // WAD
              for b, p, d in zip(self.balances, [WAD] + scale, self.decimals)]
        curve = log_uniform(*self.a_range) << 128 | rng.choice((log_uniform(10**11, 10**16), log_uniform(10**13, 10**15)))
        now = NOW + rng.randrange(10**6)
        d = self.solve_d(curve, xp)
        if not d:
            return None
        rest = [d // n] + [d * WAD // (n * p) for p in scale]
        xcp = math.isqrt(rest[0] * rest[1]) if n == 2 else round(math.exp(sum(map(math.log, rest)) / 3))
        supply = int(xcp / rng.uniform(1, 1.5))
        if n == 3:
            data = '0x' + selector('geometric_mean(uint256[3])') + ''.join(map(word, rest))
            xcp = int(self.node.ask('eth_call', {'to': self.math, 'data': data}, 'latest'), 16)
        price = WAD * xcp // supply
        profit = rng.choice((WAD + int((2 * price - 2 * WAD) * rng.random()), 2 * price - WAD))
        near = lambda width: [int(p * math.exp(rng.gauss(0, width))) for p in scale]
        oracle, last = near(rng.choice((0.0001, 0.01, 0.2))), near(rng.choice((0.001, 0.05, 0.9)))
        oracle_time = now - rng.choice((0, 0, 12, 600, rng.randrange(10**6)))
        mid = rng.randrange(5 * 10**5, 10**8)
        fees = mid << 128 | rng.randrange(mid, 10**9) << 64 | log_uniform(10**10, WAD)
        rebalance = log_uniform(10**9, 10**14) << 128 | log_uniform(10**10, 10**16) << 64 | rng.randrange(87, 872541)
        pack = (lambda v: v[0]) if n == 2 else (lambda v: v[0] | v[1] << 128)
        diff = {self.at('balances') + i: b for i, b in enumerate(self.balances)}
        names = {'D': d, 'xcp_profit': profit, 'virtual_price': price, 'totalSupply': supply,
                 'packed_fee_params': fees, 'packed_rebalancing_params': rebalance,
                 'initial_A_gamma': curve, 'future_A_gamma': curve}
        if n == 2:
            names |= {'cached_price_scale': pack(scale), 'cached_price_oracle': pack(oracle),
                      'last_prices': pack(last), 'last_timestamp': oracle_time | oracle_time << 128,
                      'cached_xcp_oracle': xcp, 'last_xcp': xcp}
        else:
            names |= {'price_scale_packed': pack(scale), 'price_oracle_packed': pack(oracle),
                      'last_prices_packed': pack(last), 'last_prices_timestamp': oracle_time}
        if rng.random() < 0.25:  # ramping
            a, gamma = curve >> 128, curve & 2**128 - 1
            a = min(max(a * rng.randrange(50, 200) // 100, self.a_range[0]), self.a_range[1])
            gamma = min(max(gamma * rng.randrange(50, 200) // 100, 10**10), 5 * 10**16)
            names['future_A_gamma'] = a << 128 | gamma
            names['initial_A_gamma_time'] = now - rng.randrange(1, 10**6)
            names['future_A_gamma_time'] = now + rng.randrange(1, 10**6)
        diff |= {self.at(k): v for k, v in names.items()}
        return {self.pool: diff}, now

    def random_swap(self):
        i, j = rng.sample(range(self.n), 2)
        unit = max(1, self.balances[i])
        kind = rng.choices(('dust', 'small', 'large', 'drain', 'absurd'), (5, 50, 35, 7, 3))[0]
        dx = {'dust': lambda: rng.randrange(1, 1000),
              'small': lambda: unit // log_uniform(100, 10**5),
              'large': lambda: unit * rng.randrange(1, 100) // 100,
              'drain': lambda: unit * log_uniform(1, 200),
              'absurd': lambda: rng.randrange(2**rng.randrange(150, 254))}[kind]()
        return i, j, max(1, dx)


def benches(node):
    if VARIANT == 'twocrypto_ng':
        return [('twocrypto_ng', lambda ds=ds: Crypto(node, 'twocrypto_ng', ds)) for ds in ([18, 6], [18, 18], [8, 18])]
    if VARIANT == 'tricrypto_ng':
        return [('tricrypto_ng', lambda ds=ds: Crypto(node, 'tricrypto_ng', ds)) for ds in ([6, 8, 18], [18, 18, 18])]
    if VARIANT == '3pool':
        return [('3pool', lambda: ThreePool(node, [18, 6, 6]))]
    if VARIANT == 'base':
        return [(name, lambda name=name, ds=ds: Base(node, name, ds)) for name, ds in (
            ('base_18_6', [18, 6]), ('base_8_18_6', [8, 18, 6]), ('base_6_6_18_8', [6, 6, 18, 8]))]
    if VARIANT == 'meta':
        return [(name, lambda name=name, ds=ds: Meta(node, name, ds)) for name, ds in (
            ('meta_18', [18, 18]), ('meta_8', [8, 18]))]
    if VARIANT == 'meta_rai':
        return [('meta_rai', lambda: MetaRai(node, 'meta_rai', [18, 18]))]
    if VARIANT == 'factory_plain2':
        return [('plain2', lambda ds=ds: FactoryPlain(node, 'plain2', ds)) for ds in ([18, 6], [8, 8], [18, 18])]
    if VARIANT == 'factory_plain':
        return [(f'plain{len(ds)}', lambda ds=ds: FactoryPlain(node, f'plain{len(ds)}', ds))
                for ds in ([18, 6, 8], [6, 18, 8, 18])]
    if VARIANT == 'factory_meta':
        return [('metausd', lambda ds=ds: FactoryMeta(node, 'metausd', ds)) for ds in ([18, 18], [6, 18])]
    if VARIANT == 'ng':
        return [('ng', lambda ds=ds, o=o: Ng(node, 'ng', ds, o)) for ds, o in (
            ([18, 6], ()), ([8, 18], (1,)), ([18, 6, 8], (0,)), ([18, 18, 6, 6], (1, 2)),
            ([18, 6, 8, 18, 6, 8, 18, 18], (7,)))]
    if VARIANT == 'ng_meta':
        return [('ng_meta', lambda ds=ds, o=o: NgMeta(node, 'ng_meta', ds, o)) for ds, o in (
            ([18, 18], ()), ([6, 18], (0,)))]
    raise SystemExit(f'no such variant: {VARIANT}')


def short(data):
    """An answer: a word without its leading zeros, else all bytes after an x; - for a revert."""
    if data is None:
        return '-'
    data = data[2:]
    return (data.lstrip('0') or '0') if len(data) == 64 else 'x' + data


def simulate(node, overrides, now, calls):
    state = {a: {'stateDiff': {'0x' + word(s): '0x' + word(v) for s, v in diff.items()}}
             for a, diff in overrides.items()}
    answer = node.ask('eth_simulateV1', {
        'blockStateCalls': [{'blockOverrides': {'time': hex(now)}, 'stateOverrides': state,
                             'calls': [{'from': USER, 'to': to, 'input': data, 'gas': hex(5 * 10**6)}
                                       for to, data in calls]}],
        'validation': False}, 'latest')
    return [c['returnData'] if c['status'] == '0x1' else None for c in answer[0]['calls']]


def record(node, out, name, make, swaps):
    bench = make()
    artifact = load(name)
    code = node.ask('eth_getCode', bench.pool, 'latest')
    out.append(f'pool {VARIANT} ' + ' '.join(map(str, bench.decimals)))
    out.append('source ' + artifact['source'])
    out.append('compiler ' + artifact['compiler'])
    out.append('code ' + keccak(bytes.fromhex(code[2:])).hex())
    questions = bench.questions()
    for to, data in questions:
        target = to if to == 'slot' else 'pool' if to == bench.pool else 'base'
        out.append(f'ask {target} {data[2:]}')
    succeeded = done = 0
    while done < swaps:
        overrides, now = bench.random_state()
        answers = simulate(node, overrides, now, [q for q in questions if q[0] != 'slot'])
        for at, (to, data) in enumerate(questions):
            if to == 'slot':  # what the state says, as no call reads it
                answers.insert(at, '0x' + word(overrides[bench.pool][int(data, 16)]))
        if any(a is None for a in answers):
            raise RuntimeError('a question reverts: ' + str(list(zip(questions, answers))))
        out.append(f'state {now} ' + ' '.join(map(short, answers)))
        for _ in range(SWAPS_A_STATE):
            i, j, dx = bench.random_swap()
            k, l, dx2 = bench.random_swap()
            mine = lambda coin: (bench.coins[coin], call('balanceOf(address)', int(USER, 16)))
            calls = ([(bench.pool, bench.get_dy(i, j, dx)), mine(j),
                      (bench.pool, bench.exchange(i, j, dx)), mine(j)] + bench.view_balances()
                     + [mine(l), (bench.pool, bench.exchange(k, l, dx2)), mine(l)]
                     + bench.view_balances())
            n = len(bench.coins)
            a = simulate(node, overrides, now, calls)
            number = lambda x: int(x, 16)
            dy = short(a[0])
            paid = short('0x' + word(number(a[3]) - number(a[1]))) if a[2] else '-'
            second = a[4 + n:]
            paid2 = short('0x' + word(number(second[2]) - number(second[0]))) if second[1] else '-'
            out.append(' '.join(['swap', str(i), str(j), f'{dx:x}', dy, paid, *map(short, a[4:4 + n]),
                                 str(k), str(l), f'{dx2:x}', paid2, *map(short, second[3:3 + n])]))
            done += 1
            succeeded += paid != '-'
    print(f'{name} {bench.decimals}: {done} swaps, {succeeded} succeeded', flush=True)


def main():
    node = Node()
    try:
        out = ['curve answers 1']
        makers = benches(node)
        for name, make in makers:
            record(node, out, name, make, SWAPS // len(makers))
        text = '\n'.join(out) + '\n'
        with open(OUT, 'wb') as file:
            file.write(zstandard.ZstdCompressor(level=19).compress(text.encode()))
    finally:
        node.process.terminate()
        node.process.wait()


main()

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

// A pool of two coins that answers as Curve's of the variant `base` do: the functions and events of
// SwapTemplateBase, and the integer arithmetic that Curve publishes of it. It is ours, not Curve's
// bytecode: what it proves is how a pool is followed, not how one computes.

// A token that anybody can have as much of as he likes.
contract Coin {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint8 public immutable decimals;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

contract StablePool {
    uint256 private constant N = 2;
    uint256 private constant A_PRECISION = 100;
    uint256 private constant PRECISION = 1e18;
    uint256 private constant FEE_DENOMINATOR = 1e10;
    uint256 private constant MIN_RAMP_TIME = 86400;

    event TokenExchange(
        address indexed buyer, int128 sold_id, uint256 tokens_sold, int128 bought_id, uint256 tokens_bought
    );
    event AddLiquidity(
        address indexed provider, uint256[2] token_amounts, uint256[2] fees, uint256 invariant, uint256 token_supply
    );
    event RemoveLiquidity(address indexed provider, uint256[2] token_amounts, uint256[2] fees, uint256 token_supply);
    event RemoveLiquidityImbalance(
        address indexed provider, uint256[2] token_amounts, uint256[2] fees, uint256 invariant, uint256 token_supply
    );
    event RampA(uint256 old_A, uint256 new_A, uint256 initial_time, uint256 future_time);

    Coin[2] public coins;
    uint256[2] public balances;
    uint256[2] private rates;
    uint256 public fee;
    uint256 public admin_fee;
    uint256 public initial_A;
    uint256 public future_A;
    uint256 public initial_A_time;
    uint256 public future_A_time;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;

    constructor(Coin coin0, Coin coin1, uint256 a, uint256 fee_, uint256 admin_fee_) {
        coins = [coin0, coin1];
        for (uint256 k = 0; k < N; ++k) rates[k] = PRECISION * 10 ** (18 - coins[k].decimals());
        (fee, admin_fee) = (fee_, admin_fee_);
        (initial_A, future_A) = (a * A_PRECISION, a * A_PRECISION);
    }

    function ramp_A(uint256 new_a, uint256 future_time) external {
        require(future_time >= block.timestamp + MIN_RAMP_TIME, "time");
        uint256 now_a = _A();
        uint256 next = new_a * A_PRECISION;
        require(next >= now_a ? next <= now_a * 10 : next * 10 >= now_a, "ramp");
        (initial_A, future_A) = (now_a, next);
        (initial_A_time, future_A_time) = (block.timestamp, future_time);
        emit RampA(now_a, next, block.timestamp, future_time);
    }

    function get_dy(int128 i, int128 j, uint256 dx) external view returns (uint256 dy) {
        (dy,) = _dy(uint128(i), uint128(j), dx);
    }

    function exchange(int128 i, int128 j, uint256 dx, uint256 min_dy) external returns (uint256) {
        (uint256 dy, uint256 admin) = _dy(uint128(i), uint128(j), dx);
        require(dy >= min_dy, "Exchange resulted in fewer coins than expected");
        balances[uint128(i)] += dx;
        balances[uint128(j)] -= dy + admin;
        coins[uint128(i)].transferFrom(msg.sender, address(this), dx);
        coins[uint128(j)].transfer(msg.sender, dy);
        emit TokenExchange(msg.sender, i, dx, j, dy);
        return dy;
    }

    function add_liquidity(uint256[2] calldata amounts, uint256 min_mint) external returns (uint256 minted) {
        uint256 amp = _A();
        uint256[2] memory old = balances;
        uint256 d0 = totalSupply == 0 ? 0 : _D(_xp(old), amp);
        uint256[2] memory next;
        for (uint256 k = 0; k < N; ++k) {
            require(totalSupply > 0 || amounts[k] > 0, "initial");
            next[k] = old[k] + amounts[k];
        }
        uint256 d1 = _D(_xp(next), amp);
        require(d1 > d0, "D1");
        uint256[2] memory fees;
        if (totalSupply == 0) {
            balances = next;
            minted = d1;
        } else {
            uint256 d2;
            (fees, d2) = _charge(old, next, d0, d1, amp);
            minted = totalSupply * (d2 - d0) / d0;
        }
        require(minted >= min_mint, "Slippage screwed you");
        for (uint256 k = 0; k < N; ++k) {
            if (amounts[k] > 0) coins[k].transferFrom(msg.sender, address(this), amounts[k]);
        }
        totalSupply += minted;
        balanceOf[msg.sender] += minted;
        emit AddLiquidity(msg.sender, amounts, fees, d1, totalSupply);
    }

    function remove_liquidity(uint256 burnt) external {
        uint256[2] memory amounts;
        uint256[2] memory fees;
        for (uint256 k = 0; k < N; ++k) {
            amounts[k] = balances[k] * burnt / totalSupply;
            balances[k] -= amounts[k];
            coins[k].transfer(msg.sender, amounts[k]);
        }
        totalSupply -= burnt;
        balanceOf[msg.sender] -= burnt;
        emit RemoveLiquidity(msg.sender, amounts, fees, totalSupply);
    }

    function remove_liquidity_imbalance(uint256[2] calldata amounts, uint256 max_burn) external returns (uint256 burnt) {
        uint256 amp = _A();
        uint256[2] memory old = balances;
        uint256 d0 = _D(_xp(old), amp);
        uint256[2] memory next = [old[0] - amounts[0], old[1] - amounts[1]];
        uint256 d1 = _D(_xp(next), amp);
        (uint256[2] memory fees, uint256 d2) = _charge(old, next, d0, d1, amp);
        burnt = (d0 - d2) * totalSupply / d0;
        require(burnt != 0, "zero");
        ++burnt;
        require(burnt <= max_burn, "Slippage screwed you");
        totalSupply -= burnt;
        balanceOf[msg.sender] -= burnt;
        for (uint256 k = 0; k < N; ++k) {
            if (amounts[k] != 0) coins[k].transfer(msg.sender, amounts[k]);
        }
        emit RemoveLiquidityImbalance(msg.sender, amounts, fees, d1, totalSupply);
    }

    // The fee for leaving balances other than in proportion; it keeps them, and says what D is then.
    function _charge(uint256[2] memory old, uint256[2] memory next, uint256 d0, uint256 d1, uint256 amp)
        private
        returns (uint256[2] memory fees, uint256 d2)
    {
        uint256 part = fee * N / (4 * (N - 1));
        for (uint256 k = 0; k < N; ++k) {
            uint256 ideal = d1 * old[k] / d0;
            fees[k] = part * (ideal > next[k] ? ideal - next[k] : next[k] - ideal) / FEE_DENOMINATOR;
            balances[k] = next[k] - fees[k] * admin_fee / FEE_DENOMINATOR;
            next[k] -= fees[k];
        }
        d2 = _D(_xp(next), amp);
    }

    function _dy(uint256 i, uint256 j, uint256 dx) private view returns (uint256 dy, uint256 admin) {
        uint256[2] memory xp = _xp(balances);
        uint256 y = _y(i, j, xp[i] + dx * rates[i] / PRECISION, xp);
        dy = xp[j] - y - 1;
        uint256 dy_fee = dy * fee / FEE_DENOMINATOR;
        dy = (dy - dy_fee) * PRECISION / rates[j];
        admin = dy_fee * admin_fee / FEE_DENOMINATOR * PRECISION / rates[j];
    }

    function _xp(uint256[2] memory held) private view returns (uint256[2] memory xp) {
        for (uint256 k = 0; k < N; ++k) xp[k] = rates[k] * held[k] / PRECISION;
    }

    function _A() private view returns (uint256) {
        uint256 t1 = future_A_time;
        uint256 a1 = future_A;
        if (block.timestamp >= t1) return a1;
        uint256 a0 = initial_A;
        uint256 t0 = initial_A_time;
        uint256 passed = block.timestamp - t0;
        if (a1 > a0) return a0 + (a1 - a0) * passed / (t1 - t0);
        return a0 - (a0 - a1) * passed / (t1 - t0);
    }

    function _D(uint256[2] memory xp, uint256 amp) private pure returns (uint256 d) {
        uint256 s = xp[0] + xp[1];
        if (s == 0) return 0;
        d = s;
        uint256 ann = amp * N;
        for (uint256 step = 0; step < 255; ++step) {
            uint256 dp = d;
            for (uint256 k = 0; k < N; ++k) dp = dp * d / (xp[k] * N);
            uint256 before = d;
            d = (ann * s / A_PRECISION + dp * N) * d / ((ann - A_PRECISION) * d / A_PRECISION + (N + 1) * dp);
            if (d > before ? d - before <= 1 : before - d <= 1) return d;
        }
        revert("D");
    }

    function _y(uint256 i, uint256 j, uint256 x, uint256[2] memory xp) private view returns (uint256 y) {
        require(i != j && i < N && j < N, "coins");
        uint256 amp = _A();
        uint256 d = _D(xp, amp);
        uint256 ann = amp * N;
        uint256 c = d * d / (x * N) * d * A_PRECISION / (ann * N);
        uint256 b = x + d * A_PRECISION / ann;
        y = d;
        for (uint256 step = 0; step < 255; ++step) {
            uint256 before = y;
            y = (y * y + c) / (2 * y + b - d);
            if (y > before ? y - before <= 1 : before - y <= 1) return y;
        }
        revert("y");
    }
}

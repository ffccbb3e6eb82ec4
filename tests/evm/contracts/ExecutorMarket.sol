// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

// Whom the executor meets, beside the venues' own bytecode: odd tokens, venues of third parties, and
// attackers.

interface IExecutor {
    struct Settlement {
        address token;
        int256 least;
        uint8 settle;
    }

    function run(uint256 deadline, Settlement[] calldata settlements, bytes calldata program) external payable;
    function withdraw(address token, uint256 amount) external;
    function fund(address token, uint256 amount) external payable;
    function watch(address token) external;
    function forget(address token) external;
}

// A token that anybody can have as much of as he likes, with at most one oddity.
contract MarketToken {
    enum Oddity {
        none,
        answersFalse, // no transfer happens, and none reverts
        answersNothing, // and wants allowances to go through zero, as USDT
        taxes, // 1 % of each transfer is gone
        keepsAllowance, // as long as it is not set, and it is never set to zero
        callsBack, // `hook` is called when it moves
        chargesSender // who sends loses 1 % more than arrives
    }

    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint8 public constant decimals = 18;
    Oddity public oddity;
    address public hook;

    constructor(Oddity oddity_) {
        oddity = oddity_;
    }

    // As a token that is upgraded.
    function turn(Oddity oddity_, address hook_) external {
        oddity = oddity_;
        hook = hook_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        if (oddity == Oddity.answersNothing) require(amount == 0 || allowance[msg.sender][spender] == 0, "USDT");
        if (oddity != Oddity.keepsAllowance || amount != 0) allowance[msg.sender][spender] = amount;
        return _answer();
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        require(allowance[from][msg.sender] >= amount, "allowance");
        if (oddity != Oddity.answersFalse && oddity != Oddity.keepsAllowance) allowance[from][msg.sender] -= amount;
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) private returns (bool) {
        if (oddity == Oddity.answersFalse) return false;
        require(balanceOf[from] >= amount, "balance");
        balanceOf[from] -= oddity == Oddity.chargesSender ? amount + amount / 100 : amount;
        balanceOf[to] += oddity == Oddity.taxes ? amount - amount / 100 : amount;
        if (oddity == Oddity.callsBack) Attacker(payable(hook)).strike();
        return _answer();
    }

    function _answer() private view returns (bool) {
        if (oddity == Oddity.answersNothing) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}

// A pool with Curve's call, whose own code no package carries: it pulls what was approved, and pays
// so many tenths of it. As Curve's oldest, it does not look at what tokens answer. The later
// generations return what they paid.
contract CurveLike {
    MarketToken[2] public coins;
    uint256 public tenths;
    bool public immutable returnsPaid;

    constructor(MarketToken coin0, MarketToken coin1, uint256 tenths_, bool returnsPaid_) {
        coins[0] = coin0;
        coins[1] = coin1;
        tenths = tenths_;
        returnsPaid = returnsPaid_;
    }

    function exchange(int128 i, int128 j, uint256 dx, uint256 least) external returns (uint256) {
        uint256 dy = dx * tenths / 10;
        require(dy >= least, "Exchange resulted in fewer coins than expected");
        _tell(coins[uint128(i)], abi.encodeCall(MarketToken.transferFrom, (msg.sender, address(this), dx)));
        _tell(coins[uint128(j)], abi.encodeCall(MarketToken.transfer, (msg.sender, dy)));
        if (!returnsPaid) {
            assembly {
                return(0, 0)
            }
        }
        return dy;
    }

    function _tell(MarketToken coin, bytes memory data) private {
        (bool done,) = address(coin).call(data);
        require(done, "coin");
    }
}

// Solo Margin, as far as a flash loan uses it: its markets by number, and operate() with withdraw,
// call, deposit.
contract SoloLike {
    struct Info {
        address owner;
        uint256 number;
    }

    struct Amount {
        bool sign;
        uint8 denomination;
        uint8 ref;
        uint256 value;
    }

    struct Action {
        uint8 kind;
        uint256 account;
        Amount amount;
        uint256 market;
        uint256 secondary;
        address other;
        uint256 otherAccount;
        bytes data;
    }

    MarketToken[] public markets;

    constructor(MarketToken token) {
        markets.push(token);
    }

    function getMarketTokenAddress(uint256 market) external view returns (address) {
        require(market < markets.length, "Getters: market OOB");
        return address(markets[market]);
    }

    function operate(Info[] calldata accounts, Action[] calldata actions) external {
        int256 owed = 0;
        for (uint256 i = 0; i < actions.length; ++i) {
            Action calldata a = actions[i];
            if (a.kind == 1) {
                require(!a.amount.sign && a.amount.denomination == 0 && a.amount.ref == 0, "amount");
                owed += int256(a.amount.value) + 2;
                markets[a.market].transfer(a.other, a.amount.value);
            } else if (a.kind == 8) {
                ISoloCallee(a.other).callFunction(msg.sender, accounts[a.account], a.data);
            } else {
                require(a.kind == 0 && a.amount.sign, "deposit");
                owed -= int256(a.amount.value);
                markets[a.market].transferFrom(a.other, address(this), a.amount.value);
            }
        }
        require(owed <= 0, "undercollateralized account");
    }
}

interface ISoloCallee {
    function callFunction(address sender, SoloLike.Info memory account, bytes memory data) external;
}

// A venue that nobody knew when the executor was written: it pays first, calls back by a name of its
// own without giving any bytes back, as often as it has parts, and wants a word as the answer.
contract NovelVenue {
    MarketToken public immutable tokenIn;
    MarketToken public immutable tokenOut;

    constructor(MarketToken in_, MarketToken out_) {
        tokenIn = in_;
        tokenOut = out_;
    }

    function take(uint256 amountIn, uint256 parts) external returns (uint256, uint256 paid) {
        paid = amountIn * 11 / 10;
        tokenOut.transfer(msg.sender, paid);
        uint256 before = tokenIn.balanceOf(address(this));
        for (uint256 i = 0; i < parts; ++i) {
            bytes32 said = INovelTaker(msg.sender).feedMe(address(tokenIn), paid, amountIn / parts);
            require(said == keccak256("fed"), "what was that?");
        }
        require(tokenIn.balanceOf(address(this)) >= before + amountIn, "not fed");
        return (amountIn, paid);
    }
}

interface INovelTaker {
    function feedMe(address token, uint256 paid, uint256 owed) external returns (bytes32);
}

// A smart account that does what its key says.
contract OwnerAccount {
    address public immutable key = msg.sender;

    function execute(address target, uint256 value, bytes calldata data) external payable returns (bytes memory) {
        require(msg.sender == key, "key");
        (bool done, bytes memory said) = target.call{value: value}(data);
        if (!done) {
            assembly {
                revert(add(said, 32), mload(said))
            }
        }
        return said;
    }

    receive() external payable {}
}

// Wrapped coin, as WETH9.
contract Wrapper {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function deposit() external payable {
        balanceOf[msg.sender] += msg.value;
    }

    function withdraw(uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        payable(msg.sender).transfer(amount);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

// A venue, a token's hook and an account that turn on the executor as they are told to.
contract Attacker {
    address public executor;
    bytes[] public calls; // what the executor is called with, in this order
    bool public mustFail; // whether it is noted that a call was taken, or passed on that it was not
    uint256 public taken;
    bytes public reason;

    constructor(address executor_) {
        executor = executor_;
    }

    function arm(bytes[] calldata calls_, bool mustFail_) external {
        delete calls;
        for (uint256 i = 0; i < calls_.length; ++i) calls.push(calls_[i]);
        mustFail = mustFail_;
        taken = 0;
    }

    // As a venue: any swap.
    function swap(bytes calldata) external returns (uint256) {
        strike();
        return 0;
    }

    function strike() public {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool done, bytes memory said) = executor.call(calls[i]);
            if (done) {
                ++taken;
            } else if (mustFail) {
                reason = said;
            } else {
                assembly {
                    revert(add(said, 32), mload(said))
                }
            }
        }
    }

    // With what it was allowed.
    function pull(MarketToken token, address from, uint256 amount) external {
        token.transferFrom(from, address(this), amount);
    }

    // Allowed, it takes everything at once, and sells nothing.
    function drain(MarketToken token) external {
        token.transferFrom(msg.sender, address(this), token.allowance(msg.sender, address(this)));
    }

    // A function of a venue that does nothing.
    function nothing() external {}

    receive() external payable {}
}

// What lets some of the executor's coin go.
contract Sink {
    function one() external pure returns (uint256) {
        return 1;
    }

    function give() external payable {}
}

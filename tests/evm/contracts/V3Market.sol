// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IVault} from "@balancer-labs/v3-interfaces/contracts/vault/IVault.sol";
import "@balancer-labs/v3-interfaces/contracts/vault/VaultTypes.sol";

// A token of any decimals that anybody can have as much of as he likes.
contract V3Token {
    mapping(address => uint256) public balanceOf;
    uint8 public immutable decimals;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

// Who may do what in the Vault: everybody everything.
contract V3Authorizer {
    function canPerform(bytes32, address, address) external pure returns (bool) {
        return true;
    }
}

// A token's rate, as its pool is told.
contract V3Rate {
    uint256 public getRate;

    constructor(uint256 rate) {
        getRate = rate;
    }

    function set(uint256 rate) external {
        getRate = rate;
    }
}

// What a router does of it: registers and funds pools, swaps, and asks what a swap would pay.
contract V3Market {
    IVault public immutable vault;

    constructor(IVault vault_) {
        vault = vault_;
    }

    function register(address pool, IERC20[] memory tokens, address[] memory rates, bool paysYieldFees, uint256 fee)
        external
    {
        TokenConfig[] memory config = new TokenConfig[](tokens.length);
        for (uint256 i = 0; i < tokens.length; ++i) {
            config[i].token = tokens[i];
            if (rates[i] == address(0)) continue;
            config[i].tokenType = TokenType.WITH_RATE;
            config[i].rateProvider = IRateProvider(rates[i]);
            config[i].paysYieldFees = paysYieldFees;
        }
        PoolRoleAccounts memory nobody;
        LiquidityManagement memory plain;
        vault.registerPool(pool, config, fee, 0, false, nobody, address(0), plain);
    }

    function initialize(address pool, IERC20[] memory tokens, uint256[] memory amounts) external {
        vault.unlock(abi.encodeCall(this.onInitialize, (pool, tokens, amounts)));
    }

    function onInitialize(address pool, IERC20[] memory tokens, uint256[] memory amounts) external {
        vault.initialize(pool, address(this), tokens, amounts, 0, "");
        for (uint256 i = 0; i < tokens.length; ++i) pay(tokens[i], amounts[i]);
    }

    function swap(SwapKind kind, address pool, IERC20 tokenIn, IERC20 tokenOut, uint256 amount) external {
        vault.unlock(abi.encodeCall(this.onSwap, (kind, pool, tokenIn, tokenOut, amount)));
    }

    function onSwap(SwapKind kind, address pool, IERC20 tokenIn, IERC20 tokenOut, uint256 amount) external {
        (, uint256 amountIn, uint256 amountOut) = vault.swap(params(kind, pool, tokenIn, tokenOut, amount));
        pay(tokenIn, amountIn);
        vault.sendTo(tokenOut, address(this), amountOut);
    }

    // By eth_call from nobody: what is not given. Nothing has to be paid then.
    function query(SwapKind kind, address pool, IERC20 tokenIn, IERC20 tokenOut, uint256 amount)
        external
        returns (uint256)
    {
        bytes memory answer = vault.quote(abi.encodeCall(this.onQuery, (kind, pool, tokenIn, tokenOut, amount)));
        return abi.decode(abi.decode(answer, (bytes)), (uint256));
    }

    function onQuery(SwapKind kind, address pool, IERC20 tokenIn, IERC20 tokenOut, uint256 amount)
        external
        returns (bytes memory)
    {
        (uint256 found,,) = vault.swap(params(kind, pool, tokenIn, tokenOut, amount));
        return abi.encode(found);
    }

    function params(SwapKind kind, address pool, IERC20 tokenIn, IERC20 tokenOut, uint256 amount)
        private
        pure
        returns (VaultSwapParams memory)
    {
        uint256 limit = kind == SwapKind.EXACT_IN ? 0 : type(uint256).max;
        return VaultSwapParams(kind, pool, tokenIn, tokenOut, amount, limit, "");
    }

    function pay(IERC20 token, uint256 amount) private {
        // Tokens that nobody mints are sent here before.
        if (token.balanceOf(address(this)) >= amount) token.transfer(address(vault), amount);
        else V3Token(address(token)).mint(address(vault), amount);
        vault.settle(token, amount);
    }
}

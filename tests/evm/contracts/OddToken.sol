// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

// A token whose one oddity is chosen when it is made.
contract OddToken {
    enum Oddity {
        none,
        taxesAll,         // 1 % of each transfer is gone
        taxesSales,       // 1 % of what goes to `pool` is gone
        chargesSender,    // the sender loses 1 % more than is sent
        forbidsSales,     // nothing can be sent to `pool`
        answersFalse,     // no transfer happens, and none reverts
        answersNothing,   // as plain tokens of 2017: no return value
        losesOne          // as shares: one unit less arrives
    }

    uint8 public constant decimals = 18;
    mapping(address => uint256) public held;
    Oddity public immutable oddity;
    address public pool;
    uint256 public scale = 1e18;  // what a balance is multiplied with: rebases

    constructor(Oddity oddity_) {
        oddity = oddity_;
        held[msg.sender] = 1e30;
    }

    function setPool(address pool_) external {
        pool = pool_;
    }

    function rebase(uint256 scale_) external {
        scale = scale_;
    }

    function balanceOf(address owner) external view returns (uint256) {
        return held[owner] * scale / 1e18;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        if (oddity == Oddity.answersFalse && msg.sender == pool) return false;
        require(oddity != Oddity.forbidsSales || to != pool || msg.sender == tx.origin, "no");
        uint256 lost = oddity == Oddity.chargesSender ? amount + amount / 100 : amount;
        require(held[msg.sender] >= lost, "too much");
        uint256 arrives = amount;
        if (oddity == Oddity.taxesAll || (oddity == Oddity.taxesSales && to == pool)) {
            arrives -= amount / 100;
        }
        if (oddity == Oddity.losesOne) arrives -= 1;
        held[msg.sender] -= lost;
        held[to] += arrives;
        if (oddity == Oddity.answersNothing) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.26;

/// Carries out one trade, or none of it: runs a program of calls, pays what lenders and pools call
/// back for, and reverts unless every balance ends where the plan says. docs/executor.md has the
/// program's encoding; host/plan/executor_call.hpp writes it.
///
/// WHO      Only the owner, an account or a smart account, may start anything. It never changes.
/// CALLERS  Whatever calls back lands in fallback(), which knows no venue: it lets in exactly the
///          caller and selector that the running call announced, as often as it announced, and only
///          with the very program that was announced. So a new venue needs no new contract.
/// FUNDS    Tokens that are watched, those that a plan settles, and the chain's coin cannot end
///          below what the plan says, whatever was called. Allowances last for one call.
/// CHAINS   Nothing newer than the London rules is used: Fantom has neither PUSH0 nor EIP-1153.
contract Executor {
    enum Settle {
        keep, // what was gained stays here, and is watched from now on
        sendGain, // what was gained goes to the owner
        sendAll // so does what was here before
    }

    /// What has to have become of a token by the end. The zero address is the chain's coin.
    struct Settlement {
        address token;
        int256 least; // balance after less balance before; below zero: that may be spent
        Settle settle;
    }

    event Settled(address indexed token, int256 gain);

    error NotOwner();
    error Busy();
    error Expired();
    error Short(address token, int256 gain, int256 least);
    error LeftBehind(address token);
    error TokenFailed(address token);
    error PaymentFailed(address to);
    error CallFailed(address target);
    error CallRefused(address target, bytes4 selector);
    error NotAnnounced(address caller, bytes4 selector);
    error NotCalledBack(address caller, bytes4 selector);
    error WrongProgram();
    error Malformed(uint256 position);
    error TooMany();

    address public immutable owner;

    // Values of `announced` that are nobody's address: no call comes from a precompile. They are not
    // zero, for a slot that is never cleared is cheaper to write.
    uint256 private constant IDLE = 1;
    uint256 private constant RUNNING = 2;
    // Who may call back: the address in 160 bits, the selector in 32, where in the callback's calldata
    // the program begins in 24, its size in 24, how many times in 8, and whether it is `kept`.
    uint256 private announced = IDLE;
    bytes32 private announcedProgram = bytes32(uint256(1)); // its hash
    bytes private kept; // the program of a callback that does not return the caller's bytes
    address[] private watched;

    uint256 private constant SELECTOR_AT = 160;
    uint256 private constant OFFSET_AT = 192;
    uint256 private constant SIZE_AT = 216;
    uint256 private constant TIMES_AT = 240;
    uint256 private constant KEPT_AT = 248;

    // Steps of a program.
    uint256 private constant CALL = 1;
    uint256 private constant PAY = 2;
    uint256 private constant ANSWER = 3;

    // Flags of a call.
    uint256 private constant HAS_VALUE = 1;
    uint256 private constant HAS_APPROVAL = 2;
    uint256 private constant OTHER_SPENDER = 4; // than the target
    uint256 private constant HAS_CALLBACK = 8;
    uint256 private constant OTHER_CALLER = 16; // than the target
    uint256 private constant KEEPS_PROGRAM = 32;
    uint256 private constant HAS_PATCHES = 64;

    // Heads of an amount's terms: two bits of source, then these.
    uint256 private constant LITERAL = 0;
    uint256 private constant BALANCE = 1;
    uint256 private constant RETURNED = 2; // a word of what the last call returned
    // 3: a word of the callback's calldata
    uint256 private constant NEGATED = 64;
    uint256 private constant SHARE = 16;
    uint256 private constant SUBTRACTED = 32;
    uint256 private constant MORE = 128;
    uint256 private constant TERM_BITS = 0xf3;
    uint256 private constant MILLION = 1_000_000;

    uint256 private constant RETURNED_MAX = 256; // bytes of an answer that later steps can use
    uint256 private constant WATCHED_MAX = 64;

    constructor(address owner_) {
        if (owner_ == address(0)) revert NotOwner();
        owner = owner_;
    }

    modifier onlyOwnerAtRest() {
        if (msg.sender != owner) revert NotOwner();
        if (announced != IDLE) revert Busy();
        _;
    }

    // ---- the owner's ------------------------------------------------------------------------------

    /// Runs a program, not after `deadline` (seconds). Returns what each settlement gained.
    function run(uint256 deadline, Settlement[] calldata settlements, bytes calldata program)
        external
        payable
        onlyOwnerAtRest
        returns (int256[] memory gains)
    {
        if (block.timestamp > deadline) revert Expired();
        announced = RUNNING;
        address[] memory others = _unsettled(settlements);
        uint256[] memory othersBefore = new uint256[](others.length);
        for (uint256 i = 0; i < others.length; ++i) othersBefore[i] = _balance(others[i], address(this));
        uint256[] memory before = new uint256[](settlements.length);
        for (uint256 i = 0; i < before.length; ++i) before[i] = _balance(settlements[i].token, address(this));

        uint256 begin;
        assembly ("memory-safe") {
            begin := program.offset
        }
        _follow(begin, begin + program.length);

        gains = new int256[](before.length);
        for (uint256 i = 0; i < before.length; ++i) gains[i] = _settle(settlements[i], before[i]);
        for (uint256 i = 0; i < others.length; ++i) {
            uint256 left = _balance(others[i], address(this));
            if (left < othersBefore[i]) revert Short(others[i], int256(left) - int256(othersBefore[i]), 0);
        }
        announced = IDLE;
    }

    /// Takes what the owner has approved, or the coin that comes along, and watches it.
    function fund(address token, uint256 amount) external payable onlyOwnerAtRest {
        if (msg.value != (token == address(0) ? amount : 0)) revert PaymentFailed(address(this));
        if (token == address(0)) return;
        uint256 before = _balance(token, address(this));
        _tokenCall(token, abi.encodeWithSignature("transferFrom(address,address,uint256)", msg.sender, address(this), amount));
        if (_balance(token, address(this)) != before + amount) revert TokenFailed(token);
        _watch(token);
    }

    /// To the owner; the largest number is all that is here.
    function withdraw(address token, uint256 amount) external onlyOwnerAtRest {
        announced = RUNNING;
        if (amount == type(uint256).max) amount = _balance(token, address(this));
        _send(token, owner, amount);
        if (token != address(0) && _balance(token, address(this)) == 0) _forget(token);
        announced = IDLE;
    }

    /// Watches a token that came by a plain transfer.
    function watch(address token) external onlyOwnerAtRest {
        _balance(token, address(this)); // or it could not be settled
        _watch(token);
    }

    /// Watches it no more, as one whose balance cannot be read.
    function forget(address token) external onlyOwnerAtRest {
        _forget(token);
    }

    function watchedTokens() external view returns (address[] memory) {
        return watched;
    }

    // ---- others' ----------------------------------------------------------------------------------

    /// Coin comes from the owner, and while a trade runs, as from a wrapper that is unwrapped.
    receive() external payable {
        if (msg.sender != owner && announced == IDLE) revert NotOwner();
    }

    /// Every callback there is.
    fallback() external payable {
        uint256 a = announced;
        if (msg.data.length < 4 || address(uint160(a)) != msg.sender || bytes4(uint32(a >> SELECTOR_AT)) != msg.sig) {
            revert NotAnnounced(msg.sender, msg.sig);
        }
        bytes32 program = announcedProgram;
        announced = RUNNING;
        uint256 answer;
        uint256 size;
        if (a >> KEPT_AT != 0) {
            (answer, size) = _callSelf();
        } else {
            uint256 begin = uint24(a >> OFFSET_AT);
            size = uint24(a >> SIZE_AT);
            if (begin + size > msg.data.length) revert WrongProgram();
            bytes32 given;
            assembly ("memory-safe") {
                let copy := mload(0x40)
                calldatacopy(copy, begin, size)
                given := keccak256(copy, size)
            }
            if (given != program) revert WrongProgram();
            (answer, size) = _follow(begin, begin + size);
        }
        if (uint8(a >> TIMES_AT) > 1) {
            announcedProgram = program;
            announced = a - (1 << TIMES_AT);
        }
        assembly ("memory-safe") {
            return(answer, size)
        }
    }

    // ---- programs ---------------------------------------------------------------------------------

    /// Follows the program in calldata from `at` to `end`. Returns where in memory its answer is.
    function _follow(uint256 at, uint256 end) private returns (uint256 answer, uint256 size) {
        uint256 returned = _allocate(32 + RETURNED_MAX);
        assembly ("memory-safe") {
            mstore(returned, 0)
        }
        while (at < end) {
            uint256 step;
            (step, at) = _read(at, 1);
            if (step == CALL) {
                at = _call(at, returned);
            } else if (step == PAY) {
                at = _pay(at, returned);
            } else if (step == ANSWER) {
                (size, at) = _read(at, 2);
                answer = _allocate(size);
                assembly ("memory-safe") {
                    calldatacopy(answer, at, size)
                }
                at += size;
            } else {
                revert Malformed(at);
            }
        }
        if (at != end) revert Malformed(at);
    }

    struct Step {
        address target;
        uint256 value;
        address token; // that is approved; zero: none is
        address spender;
        uint256 allowance;
        uint256 announcement; // zero: nobody may call back
        uint256 program; // where in the data it begins that comes back
        uint256 data; // in memory
        uint256 size;
    }

    function _call(uint256 at, uint256 returned) private returns (uint256) {
        uint256 flags;
        Step memory step;
        (flags, at) = _read(at, 1);
        (step.target, at) = _readAddress(at);
        if (flags & HAS_VALUE != 0) (step.value, at) = _amount(at, returned);
        if (flags & HAS_APPROVAL != 0) {
            (step.token, at) = _readAddress(at);
            step.spender = step.target;
            if (flags & OTHER_SPENDER != 0) (step.spender, at) = _readAddress(at);
            (step.allowance, at) = _amount(at, returned);
        }
        if (flags & HAS_CALLBACK != 0) at = _readCallback(at, flags, step);
        (step.size, at) = _read(at, 3);
        uint256 size = step.size;
        uint256 data = step.data = _allocate(size);
        assembly ("memory-safe") {
            calldatacopy(data, at, size)
        }
        at += size;
        if (flags & HAS_PATCHES != 0) at = _patch(at, returned, step);
        if (flags > 127) revert Malformed(at);

        bytes4 selector = _selector(step);
        if (step.target == address(this) || step.target.code.length == 0 || _isRefused(selector)) {
            revert CallRefused(step.target, selector);
        }
        if (step.token != address(0)) _approve(step.token, step.spender, step.allowance);
        if (step.announcement != 0) {
            if (step.announcement >> KEPT_AT == 0) _announceEcho(step);
            announced = step.announcement;
        }
        _carryOut(step, returned);
        if (step.announcement != 0) {
            if (announced != RUNNING) {
                revert NotCalledBack(
                    address(uint160(step.announcement)), bytes4(uint32(step.announcement >> SELECTOR_AT))
                );
            }
            announcedProgram = bytes32(uint256(1));
        }
        if (step.token != address(0)) _revoke(step.token, step.spender);
        return at;
    }

    /// Reads who may call back, and stores a program that is to be kept until then.
    function _readCallback(uint256 at, uint256 flags, Step memory step) private returns (uint256) {
        address caller = step.target;
        uint256 selector;
        uint256 times;
        uint256 size;
        if (flags & OTHER_CALLER != 0) (caller, at) = _readAddress(at);
        (selector, at) = _read(at, 4);
        (times, at) = _read(at, 1);
        // None times, or a caller that stands for a state: nobody could ever call.
        if (times == 0 || uint160(caller) <= RUNNING) revert Malformed(at);
        uint256 announcement = uint256(uint160(caller)) | (selector << SELECTOR_AT) | (times << TIMES_AT);
        if (flags & KEEPS_PROGRAM != 0) {
            (size, at) = _read(at, 3);
            bytes calldata program;
            assembly ("memory-safe") {
                program.offset := at
                program.length := size
            }
            if (at + size > msg.data.length) revert Malformed(at);
            kept = program;
            announcedProgram = keccak256(program);
            at += size;
            announcement |= 1 << KEPT_AT;
        } else {
            uint256 offset;
            (offset, at) = _read(at, 3);
            (step.program, at) = _read(at, 3);
            (size, at) = _read(at, 3);
            announcement |= offset << OFFSET_AT;
        }
        step.announcement = announcement | (size << SIZE_AT);
        return at;
    }

    /// The program that the target is given among its bytes, and gives back.
    function _announceEcho(Step memory step) private {
        uint256 size = uint24(step.announcement >> SIZE_AT);
        if (step.program + size > step.size) revert Malformed(step.program);
        uint256 begin = step.data + step.program;
        bytes32 program;
        assembly ("memory-safe") {
            program := keccak256(begin, size)
        }
        announcedProgram = program;
    }

    /// A callback whose calldata has no program gets it behind its own, as this contract's call to
    /// itself, so that there is one way to follow programs.
    function _callSelf() private returns (uint256 answer, uint256 size) {
        bytes memory program = kept;
        bytes memory data = abi.encodePacked(msg.data, program);
        announced = uint256(uint160(address(this))) | (uint256(uint32(msg.sig)) << SELECTOR_AT)
            | (msg.data.length << OFFSET_AT) | (program.length << SIZE_AT) | (1 << TIMES_AT);
        if (msg.data.length > type(uint24).max) revert WrongProgram();
        (bool done, bytes memory said) = address(this).call(data);
        assembly ("memory-safe") {
            answer := add(said, 32)
            size := mload(said)
            if iszero(done) { revert(answer, size) }
        }
    }

    function _carryOut(Step memory step, uint256 returned) private {
        (address target, uint256 value, uint256 data, uint256 size) = (step.target, step.value, step.data, step.size);
        bool silent;
        assembly ("memory-safe") {
            let done := call(gas(), target, value, data, size, 0, 0)
            size := returndatasize()
            if iszero(done) {
                if size {
                    let reason := mload(0x40)
                    returndatacopy(reason, 0, size)
                    revert(reason, size)
                }
                silent := 1
            }
            if gt(size, RETURNED_MAX) { size := RETURNED_MAX }
            mstore(returned, size)
            returndatacopy(add(returned, 32), 0, size)
        }
        if (silent) revert CallFailed(target);
    }

    /// Writes amounts that are known only now over words of the data, behind the selector.
    function _patch(uint256 at, uint256 returned, Step memory step) private view returns (uint256) {
        uint256 count;
        (count, at) = _read(at, 1);
        for (; count > 0; --count) {
            uint256 offset;
            uint256 amount;
            (offset, at) = _read(at, 3);
            (amount, at) = _amount(at, returned);
            if (offset < 4 || offset + 32 > step.size) revert Malformed(at);
            uint256 place = step.data + offset;
            assembly ("memory-safe") {
                mstore(place, amount)
            }
        }
        return at;
    }

    /// A token to an address. Coin to nobody goes to whoever makes the block.
    function _pay(uint256 at, uint256 returned) private returns (uint256) {
        address token;
        address to;
        uint256 amount;
        (token, at) = _readAddress(at);
        (to, at) = _readAddress(at);
        (amount, at) = _amount(at, returned);
        if (to == address(0)) {
            if (token != address(0)) revert Malformed(at);
            to = block.coinbase;
        }
        if (amount != 0) _send(token, to, amount);
        return at;
    }

    /// The sum of an amount's terms.
    function _amount(uint256 at, uint256 returned) private view returns (uint256 sum, uint256) {
        uint256 head;
        do {
            (head, at) = _read(at, 1);
            if (head & ~TERM_BITS != 0) revert Malformed(at);
            uint256 value;
            uint256 source = head & 3;
            if (source == LITERAL) {
                uint256 size;
                (size, at) = _read(at, 1);
                if (size > 32) revert Malformed(at);
                if (size > 0) (value, at) = _read(at, size);
            } else if (source == BALANCE) {
                address token;
                (token, at) = _readAddress(at);
                value = _balance(token, address(this));
            } else {
                uint256 offset;
                (offset, at) = _read(at, 2);
                bool there;
                assembly ("memory-safe") {
                    let end := add(offset, 32)
                    switch source
                    case 2 {
                        there := iszero(gt(end, mload(returned)))
                        if there { value := mload(add(returned, end)) }
                    }
                    default {
                        there := iszero(gt(end, calldatasize()))
                        value := calldataload(offset)
                    }
                }
                if (!there) revert Malformed(at);
            }
            if (head & NEGATED != 0) {
                unchecked {
                    value = 0 - value;
                }
            }
            if (head & SHARE != 0) {
                uint256 parts;
                (parts, at) = _read(at, 4);
                value = value * parts / MILLION;
            }
            sum = head & SUBTRACTED != 0 ? sum - value : sum + value;
        } while (head & MORE != 0);
        return (sum, at);
    }

    function _read(uint256 at, uint256 size) private pure returns (uint256 value, uint256 next) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), calldataload(at))
            next := add(at, size)
        }
    }

    function _readAddress(uint256 at) private pure returns (address value, uint256 next) {
        assembly ("memory-safe") {
            value := shr(96, calldataload(at))
            next := add(at, 20)
        }
    }

    function _allocate(uint256 size) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := mload(0x40)
            mstore(0x40, add(place, and(add(size, 31), not(31))))
        }
    }

    function _selector(Step memory step) private pure returns (bytes4 selector) {
        (uint256 data, uint256 size) = (step.data, step.size);
        if (size < 4) revert CallRefused(step.target, 0);
        assembly ("memory-safe") {
            selector := mload(data)
        }
        return bytes4(selector);
    }

    /// What gives this contract's tokens away, or the right to them, is not for a venue's calldata to
    /// say: programs have payments and allowances for that, which are undone or accounted for.
    function _isRefused(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("approve(address,uint256)"))
            || s == bytes4(keccak256("transfer(address,uint256)"))
            || s == bytes4(keccak256("transferFrom(address,address,uint256)"))
            || s == bytes4(keccak256("increaseAllowance(address,uint256)"))
            || s == bytes4(keccak256("increaseApproval(address,uint256)"))
            || s == bytes4(keccak256("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"))
            || s == bytes4(keccak256("permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)"))
            || s == bytes4(keccak256("setApprovalForAll(address,bool)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256,bytes)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256,uint256,bytes)"))
            || s == bytes4(keccak256("safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"))
            || s == bytes4(keccak256("send(address,uint256,bytes)"))
            || s == bytes4(keccak256("authorizeOperator(address)"))
            || s == bytes4(keccak256("transferAndCall(address,uint256)"))
            || s == bytes4(keccak256("transferAndCall(address,uint256,bytes)"))
            || s == bytes4(keccak256("transferFromAndCall(address,address,uint256)"))
            || s == bytes4(keccak256("transferFromAndCall(address,address,uint256,bytes)"))
            || s == bytes4(keccak256("approveAndCall(address,uint256)"))
            || s == bytes4(keccak256("approveAndCall(address,uint256,bytes)"))
            || s == bytes4(keccak256("push(address,uint256)")) || s == bytes4(keccak256("move(address,address,uint256)"))
            || s == bytes4(keccak256("approve(address,address,uint160,uint48)"))
            || s == bytes4(keccak256("transferFrom(address,address,uint160,address)"))
            || s == bytes4(keccak256("setRelayerApproval(address,address,bool)"))
            || s == bytes4(keccak256("approveDelegation(address,uint256)"));
    }

    // ---- tokens -----------------------------------------------------------------------------------

    function _settle(Settlement calldata s, uint256 before) private returns (int256 gain) {
        uint256 left = _balance(s.token, address(this));
        gain = int256(left) - int256(before);
        if (gain < s.least) revert Short(s.token, gain, s.least);
        if (gain != 0) emit Settled(s.token, gain);
        if (s.settle == Settle.keep) {
            if (left != 0) _watch(s.token);
            return gain;
        }
        uint256 amount = s.settle == Settle.sendAll ? left : gain > 0 ? uint256(gain) : 0;
        if (amount == 0) return gain;
        if (s.token == address(0)) {
            _send(s.token, owner, amount);
            return gain;
        }
        // All of it has to leave, and to arrive: a token that keeps a part pays less than was planned.
        uint256 owned = _balance(s.token, owner);
        _send(s.token, owner, amount);
        if (_balance(s.token, address(this)) != left - amount) revert LeftBehind(s.token);
        int256 arrived = int256(_balance(s.token, owner)) - int256(owned);
        if (arrived < int256(amount)) revert Short(s.token, arrived, int256(amount));
    }

    /// Watched tokens that no settlement names, and the coin unless one does.
    function _unsettled(Settlement[] calldata settlements) private view returns (address[] memory others) {
        uint256 count = watched.length;
        others = new address[](count + 1);
        uint256 used = 0;
        for (uint256 i = 0; i <= count; ++i) {
            address token = i < count ? watched[i] : address(0);
            bool settled = false;
            for (uint256 j = 0; j < settlements.length && !settled; ++j) settled = settlements[j].token == token;
            if (!settled) others[used++] = token;
        }
        assembly ("memory-safe") {
            mstore(others, used)
        }
    }

    function _watch(address token) private {
        if (token == address(0)) return; // the coin always is
        uint256 count = watched.length;
        for (uint256 i = 0; i < count; ++i) {
            if (watched[i] == token) return;
        }
        if (count == WATCHED_MAX) revert TooMany();
        watched.push(token);
    }

    function _forget(address token) private {
        for (uint256 i = 0; i < watched.length; ++i) {
            if (watched[i] != token) continue;
            watched[i] = watched[watched.length - 1];
            watched.pop();
            return;
        }
    }

    /// Never more than an int256 holds.
    function _balance(address token, address holder) private view returns (uint256 amount) {
        if (token == address(0)) return holder.balance;
        bool known;
        assembly ("memory-safe") {
            mstore(0, 0x70a0823100000000000000000000000000000000000000000000000000000000) // balanceOf(address)
            mstore(4, holder)
            known := staticcall(gas(), token, 0, 36, 0, 32)
            known := and(known, gt(returndatasize(), 31))
            amount := mload(0)
        }
        if (!known || amount > uint256(type(int256).max)) revert TokenFailed(token);
    }

    function _send(address token, address to, uint256 amount) private {
        if (token == address(0)) {
            (bool paid,) = to.call{value: amount}("");
            if (!paid) revert PaymentFailed(to);
        } else {
            _tokenCall(token, abi.encodeWithSignature("transfer(address,uint256)", to, amount));
        }
    }

    function _approve(address token, address spender, uint256 amount) private {
        _tokenCall(token, abi.encodeWithSignature("approve(address,uint256)", spender, amount));
    }

    function _revoke(address token, address spender) private {
        if (_allowance(token, spender) == 0) return;
        _approve(token, spender, 0);
        if (_allowance(token, spender) != 0) revert LeftBehind(token);
    }

    function _allowance(address token, address spender) private view returns (uint256) {
        (bool known, bytes memory said) =
            token.staticcall(abi.encodeWithSignature("allowance(address,address)", address(this), spender));
        if (!known || said.length < 32) revert TokenFailed(token);
        return abi.decode(said, (uint256));
    }

    /// A token says true, or nothing, as those of 2017 do. What says false has done nothing.
    function _tokenCall(address token, bytes memory data) private {
        bool done;
        assembly ("memory-safe") {
            done := call(gas(), token, 0, add(data, 32), mload(data), 0, 32)
            let size := returndatasize()
            if and(iszero(done), gt(size, 0)) {
                let reason := mload(0x40)
                returndatacopy(reason, 0, size)
                revert(reason, size)
            }
            switch size
            case 0 { done := and(done, gt(extcodesize(token), 0)) }
            default { done := and(done, and(gt(size, 31), eq(mload(0), 1))) }
        }
        if (!done) revert TokenFailed(token);
    }
}

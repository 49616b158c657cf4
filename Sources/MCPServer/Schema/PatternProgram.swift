/// A regular expression as instructions of a non-deterministic machine (Thompson's construction).
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        /// Takes one scalar of the set with this number, then goes on with the next instruction.
        case scalars(Int)
        case split(Int, Int)
        case jump(Int)
        case start
        case end
        case match
    }

    private(set) var instructions: [Instruction] = []
    private(set) var sets: [ScalarSet] = []

    private var setNumbers: [ScalarSet: Int] = [:]

    /// Repetitions are written out, so their bounds count.
    private static let maximumLength = 20_000

    init(_ syntax: PatternSyntax) throws(PatternError) {
        try append(syntax)
        instructions.append(.match)
    }

    private mutating func append(_ syntax: PatternSyntax) throws(PatternError) {
        guard instructions.count < Self.maximumLength else {
            throw PatternError(offset: 0, reason: "pattern too large")
        }
        switch syntax {
        case .empty: break
        case .start: instructions.append(.start)
        case .end: instructions.append(.end)
        case .scalars(let set): instructions.append(.scalars(number(of: set)))
        case .sequence(let parts):
            for part in parts { try append(part) }
        case .choice(let branches): try appendChoice(branches)
        case .repetition(let body, let minimum, let maximum):
            try appendRepetition(body, minimum: minimum, maximum: maximum)
        }
    }

    private mutating func appendChoice(_ branches: [PatternSyntax]) throws(PatternError) {
        var exits: [Int] = []
        for (position, branch) in branches.enumerated() {
            guard position < branches.count - 1 else {
                try append(branch)
                break
            }
            let split = reserve()
            try append(branch)
            exits.append(reserve())
            instructions[split] = .split(split + 1, instructions.count)
        }
        for exit in exits { instructions[exit] = .jump(instructions.count) }
    }

    private mutating func appendRepetition(
        _ body: PatternSyntax, minimum: Int, maximum: Int?
    ) throws(PatternError) {
        for _ in 0..<minimum {
            let length = instructions.count
            try append(body)
            // What takes nothing needs no repeating.
            if instructions.count == length { return }
        }
        guard let maximum else {
            let split = reserve()
            try append(body)
            instructions.append(.jump(split))
            instructions[split] = .split(split + 1, instructions.count)
            return
        }
        // Each optional copy may leave for the very end, so no chain of exits has to be followed.
        var splits: [Int] = []
        for _ in minimum..<maximum {
            splits.append(reserve())
            try append(body)
        }
        for split in splits { instructions[split] = .split(split + 1, instructions.count) }
    }

    private mutating func reserve() -> Int {
        instructions.append(.match)
        return instructions.count - 1
    }

    private mutating func number(of set: ScalarSet) -> Int {
        if let number = setNumbers[set] { return number }
        sets.append(set)
        setNumbers[set] = sets.count - 1
        return sets.count - 1
    }
}

/// The instructions at which a machine may stand at once: those that take a scalar or wait for the end.
struct PatternStates {
    private(set) var positions: [Int] = []
    private(set) var isMatch = false
    private var isVisited: [Bool]
    private var visited: [Int] = []
    private var stack: [Int] = []

    init(for program: PatternProgram) {
        isVisited = Array(repeating: false, count: program.instructions.count)
    }

    mutating func removeAll() {
        for position in visited { isVisited[position] = false }
        visited.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        isMatch = false
    }

    /// Adds `start` and all that is reached from there without taking a scalar.
    mutating func add(_ start: Int, of program: PatternProgram, atStart: Bool, atEnd: Bool) {
        stack.append(start)
        while let position = stack.popLast() {
            guard !isVisited[position] else { continue }
            isVisited[position] = true
            visited.append(position)
            switch program.instructions[position] {
            case .scalars: positions.append(position)
            case .split(let first, let second):
                stack.append(first)
                stack.append(second)
            case .jump(let target): stack.append(target)
            case .start: if atStart { stack.append(position + 1) }
            case .end:
                positions.append(position)
                if atEnd { stack.append(position + 1) }
            case .match: isMatch = true
            }
        }
    }
}

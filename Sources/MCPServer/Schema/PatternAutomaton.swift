/// The deterministic form of a pattern: one table look-up a scalar, no allocation, and safe to share, as nothing changes
/// once it is built.
struct PatternAutomaton: Sendable {
    private enum Verdict: UInt8, Sendable {
        case undecided
        case matchesAtEnd
        case matches
        /// Nothing that follows can match.
        case dead
    }

    /// Scalars that no set of the pattern tells apart share a class.
    private let classes: ScalarClasses
    /// Row by state, column by class.
    private let transitions: [Int32]
    private let verdicts: [Verdict]

    private static let maximumStates = 4_096
    private static let maximumTransitions = 1 << 18

    /// `nil` when the table would be too large.
    init?(_ program: PatternProgram) {
        let classes = ScalarClasses(program.sets)
        var numbers: [[Int]: Int32] = [:]
        var rows: [[Int]] = []
        var verdicts: [Verdict] = []
        var transitions: [Int32] = []
        var states = PatternStates(for: program)
        var ending = PatternStates(for: program)
        var matchNumber: Int32?

        func number(atStart: Bool) -> Int32 {
            if states.isMatch, let matchNumber { return matchNumber }
            let key = states.positions.sorted()
            // The first state stands alone: behind its "$" a "^" still holds.
            if !states.isMatch, !atStart, let known = numbers[key] { return known }
            ending.removeAll()
            for position in key {
                guard case .end = program.instructions[position] else { continue }
                ending.add(position + 1, of: program, atStart: atStart, atEnd: true)
            }
            verdicts.append(
                states.isMatch ? .matches : ending.isMatch ? .matchesAtEnd : key.isEmpty ? .dead : .undecided)
            rows.append(key)
            let number = Int32(rows.count - 1)
            if states.isMatch {
                matchNumber = number
            } else if !atStart {
                numbers[key] = number
            }
            return number
        }

        states.add(0, of: program, atStart: true, atEnd: false)
        _ = number(atStart: true)
        var current = 0
        while current < rows.count {
            guard rows.count <= Self.maximumStates, rows.count * classes.count <= Self.maximumTransitions else {
                return nil
            }
            let row = rows[current]
            if verdicts[current] == .matches {
                transitions.append(contentsOf: repeatElement(Int32(current), count: classes.count))
                current += 1
                continue
            }
            for scalarClass in 0..<classes.count {
                states.removeAll()
                for position in row {
                    guard case .scalars(let set) = program.instructions[position],
                        classes.isMember(scalarClass, of: set)
                    else { continue }
                    states.add(position + 1, of: program, atStart: false, atEnd: false)
                }
                // The match may start anywhere, so the machine also starts anew behind each scalar.
                states.add(0, of: program, atStart: false, atEnd: false)
                transitions.append(number(atStart: false))
            }
            current += 1
        }
        self.classes = classes
        self.transitions = transitions
        self.verdicts = verdicts
    }

    func matches(_ text: String) -> Bool {
        var state = 0
        for scalar in text.unicodeScalars {
            switch verdicts[state] {
            case .matches: return true
            case .dead: return false
            case .undecided, .matchesAtEnd: break
            }
            state = Int(transitions[state * classes.count + classes[scalar]])
        }
        return verdicts[state] == .matches || verdicts[state] == .matchesAtEnd
    }
}

/// The partition of all scalars by the sets of one pattern.
struct ScalarClasses: Sendable {
    /// Where each run of scalars of one class begins; the first is 0.
    private let starts: [UInt32]
    private let classOfRun: [Int]
    private let classOfASCII: [Int]
    /// By class, then by set.
    private let membership: [[Bool]]

    init(_ sets: [ScalarSet]) {
        var cuts: Set<UInt32> = [0]
        for range in sets.flatMap(\.ranges) {
            cuts.insert(range.lowerBound)
            if range.upperBound < ScalarSet.maximum { cuts.insert(range.upperBound + 1) }
        }
        let starts = cuts.sorted()
        var membership: [[Bool]] = []
        var numbers: [[Bool]: Int] = [:]
        classOfRun = starts.map { start in
            let signature = sets.map { $0.contains(start) }
            if let number = numbers[signature] { return number }
            membership.append(signature)
            numbers[signature] = membership.count - 1
            return membership.count - 1
        }
        self.starts = starts
        self.membership = membership
        var ascii: [Int] = []
        for scalar in 0..<128 as Range<UInt32> { ascii.append(classOfRun[Self.run(of: scalar, in: starts)]) }
        classOfASCII = ascii
    }

    var count: Int { membership.count }

    subscript(scalar: Unicode.Scalar) -> Int {
        scalar.isASCII ? classOfASCII[Int(scalar.value)] : classOfRun[Self.run(of: scalar.value, in: starts)]
    }

    func isMember(_ scalarClass: Int, of set: Int) -> Bool { membership[scalarClass][set] }

    private static func run(of scalar: UInt32, in starts: [UInt32]) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= scalar { low = middle } else { high = middle }
        }
        return low
    }
}

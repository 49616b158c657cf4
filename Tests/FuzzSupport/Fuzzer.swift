import Glibc

/// Makes inputs out of a corpus: first each of its own as it is, then changed ones without end. The same seed makes the
/// same inputs.
///
/// The environment says how long: `NEZHA_FUZZ_SECONDS` for each test, else the inputs that the test asks for within ten
/// seconds. `NEZHA_FUZZ_SEED` begins elsewhere. `NEZHA_FUZZ_TRACE` names a file that holds the input under way, for
/// crashes.
package struct Fuzzer {
    private static let longest = 1 << 14

    private let corpus: [[UInt8]]
    /// What is put in at any place: the words of the format.
    private let words: [[UInt8]]
    private var numbers: FuzzNumbers
    private var tried = 0
    private var end = ContinuousClock.now

    package init(corpus: [[UInt8]], words: [[UInt8]] = []) {
        self.corpus = corpus
        self.words = words
        numbers = FuzzNumbers(seed: Self.setting("NEZHA_FUZZ_SEED").flatMap(UInt64.init) ?? 0x6E65_7A68_61)
    }

    package init(texts: [String], words: [String] = []) {
        self.init(corpus: texts.map { Array($0.utf8) }, words: words.map { Array($0.utf8) })
    }

    /// - Parameters:
    ///   - count: of inputs.
    ///   - check: given an input and numbers for what else it chooses.
    /// - Returns: how many inputs were tried.
    @discardableResult
    package mutating func run(_ count: Int, _ check: ([UInt8], inout FuzzNumbers) throws -> Void) rethrows -> Int {
        begin()
        while let input = next(of: count) { try check(input, &numbers) }
        return tried
    }

    /// The same for checks that wait.
    @discardableResult
    package mutating func run(
        _ count: Int, _ check: ([UInt8], inout FuzzNumbers) async throws -> Void
    ) async rethrows -> Int {
        begin()
        while let input = next(of: count) { try await check(input, &numbers) }
        return tried
    }

    private mutating func begin() {
        tried = 0
        end = ContinuousClock.now + .seconds(Self.seconds ?? 10)
    }

    private mutating func next(of count: Int) -> [UInt8]? {
        let goesOn = tried < corpus.count || (Self.seconds != nil || tried < count) && ContinuousClock.now < end
        guard goesOn else { return nil }
        let input = tried < corpus.count ? corpus[tried] : changed()
        Self.trace(input)
        tried += 1
        return input
    }

    private static let seconds = setting("NEZHA_FUZZ_SECONDS").flatMap(Int64.init)

    private static func setting(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func trace(_ input: [UInt8]) {
        guard let path = setting("NEZHA_FUZZ_TRACE"), let file = fopen(path, "w") else { return }
        fwrite(input, 1, input.count, file)
        fclose(file)
    }

    // MARK: Changes

    private mutating func changed() -> [UInt8] {
        var bytes = corpus[numbers.below(corpus.count)]
        for _ in 0...numbers.below(5) { change(&bytes) }
        return Array(bytes.prefix(Self.longest))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = numbers.below(bytes.count)
        switch numbers.below(9) {
        case 0 where !bytes.isEmpty: bytes[place] ^= 1 << numbers.below(8)
        case 1 where !bytes.isEmpty: bytes[place] = UInt8(numbers.below(256))
        case 2 where !bytes.isEmpty: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, 0x0A, 0x0D, 0x20][numbers.below(8)]
        case 3: bytes.insert(UInt8(numbers.below(256)), at: place)
        case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + numbers.below(8)))
        case 5: bytes.insert(contentsOf: bytes[place...].prefix(1 + numbers.below(40)), at: place)
        case 6: bytes.replaceSubrange(place..., with: piece(of: corpus))
        case 7:
            bytes.insert(
                contentsOf: words.isEmpty ? piece(of: corpus) : words[numbers.below(words.count)][...], at: place)
        default: if numbers.below(4) == 0 { bytes.removeSubrange(place...) }
        }
    }

    /// The end of one of them.
    private mutating func piece(of list: [[UInt8]]) -> ArraySlice<UInt8> {
        let whole = list[numbers.below(list.count)]
        return whole[numbers.below(whole.count)...]
    }
}

/// The same bytes in pieces.
package enum FuzzCuts: CaseIterable, Sendable {
    case whole, single, random

    package func pieces(_ bytes: [UInt8], _ numbers: inout FuzzNumbers) -> [[UInt8]] {
        var (pieces, rest) = ([[UInt8]](), bytes[...])
        while !rest.isEmpty {
            let count =
                switch self {
                case .whole: rest.count
                case .single: 1
                case .random: 1 + numbers.below(numbers.below(8) == 0 ? 200 : 20)
                }
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}

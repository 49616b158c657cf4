import Foundation
import FuzzSupport
import Secrets
import Testing

/// Runs a check on the committed inputs of one target and on seeded mutations of them (`FuzzCorpus/README.md`).
struct Fuzzer {
    enum Target: String {
        case envelope, json, schema
    }

    /// What became of an input. A refusal is as good as an answer; what is neither fails the test.
    enum Outcome {
        case accepted
        case refused(any Error)
    }

    static let total = setting("FUZZ_INPUTS").flatMap(Int.init) ?? 60_000
    static let seed = setting("FUZZ_SEED").flatMap(UInt64.init) ?? 0x6E65_7A68_61
    /// Where each input is written before it is tried, so that it outlives a crash of the process.
    static let trace = setting("FUZZ_TRACE")
    /// Whether inputs with an outcome that no file of the corpus has are added to it.
    static let collects = setting("FUZZ_COLLECT") == "1"

    static let corpusFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "FuzzCorpus")
    static let toolSchemas = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../../schemas/tools")

    private static func setting(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    let target: Target
    let corpus: [[UInt8]]
    var generator: FuzzGenerator

    /// - Parameter extra: inputs besides the target's folder.
    init(_ target: Target, extra: [[UInt8]] = []) throws {
        self.target = target
        corpus = try Self.files(in: Self.corpusFolder.appending(path: target.rawValue)) + extra
        generator = FuzzGenerator(seed: Self.seed &+ UInt64(target.rawValue.utf8.reduce(0) { $0 &+ UInt64($1) }))
    }

    /// The content of every file, by name, so that a run can be repeated.
    static func files(in folder: URL) throws -> [[UInt8]] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path()).filter { !$0.hasPrefix(".") }
        return try names.sorted().map { [UInt8](try Data(contentsOf: folder.appending(path: $0))) }
    }

    /// A third of ``total`` inputs: first the corpus as it is, then mutations.
    /// - Parameter check: says what became of one input, and records an issue where that is wrong.
    /// - Returns: how many inputs were accepted, and how many there were.
    mutating func run(_ check: ([UInt8]) throws -> Outcome) throws -> (accepted: Int, of: Int) {
        let count = max(corpus.count, Self.total / 3)
        let log = try Self.trace.map { try TraceFile($0) }
        var known: Set<String> = []
        var accepted = 0
        for number in 0..<count {
            let isMutated = number >= corpus.count
            var bytes = isMutated ? corpus[generator.below(corpus.count)] : corpus[number]
            if isMutated { generator.mutate(&bytes, with: corpus) }
            log?.write(bytes)
            let outcome = try check(bytes)
            if case .accepted = outcome { accepted += 1 }
            guard Self.collects, case .refused(let error) = outcome else { continue }
            if known.insert(Self.kind(of: error)).inserted, isMutated, bytes.count <= 1024 { try keep(bytes) }
        }
        return (accepted, count)
    }

    /// The words of an error without what differs from input to input.
    private static func kind(of error: any Error) -> String {
        var text = ""
        var isQuoted = false
        for scalar in "\(error)".unicodeScalars {
            if scalar == "\"" { isQuoted.toggle() }
            if !isQuoted, !("0"..."9").contains(scalar) { text.unicodeScalars.append(scalar) }
        }
        return text.replacing(#/'.'|byte x[A-F]*|^/[^:]*/#, with: "")
    }

    private func keep(_ bytes: [UInt8]) throws {
        let name = "found-" + SHA256Digest.hex(bytes).prefix(12)
        try Data(bytes).write(to: Self.corpusFolder.appending(path: "\(target.rawValue)/\(name)"))
    }
}

/// A file that holds the newest input alone.
private struct TraceFile {
    private let handle: FileHandle

    init(_ path: String) throws {
        try Data().write(to: URL(filePath: path))
        handle = try FileHandle(forWritingTo: URL(filePath: path))
    }

    func write(_ bytes: [UInt8]) {
        do {
            try handle.seek(toOffset: 0)
            try handle.write(contentsOf: bytes)
            try handle.truncate(atOffset: UInt64(bytes.count))
        } catch {
            Issue.record("the trace cannot be written: \(error)")
        }
    }
}

/// Random numbers, and what they do to inputs.
struct FuzzGenerator: RandomNumberGenerator {
    private var numbers: FuzzNumbers

    init(seed: UInt64) { numbers = FuzzNumbers(seed: seed) }

    mutating func next() -> UInt64 { numbers.next() }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    private static let tokens = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\uD800", "\\uDC00", "null", "true", "0", "-", "1e", ".",
        "e999999999", "\"id\":", "\"a\":1,", "\u{FEFF}", "\0", "é", "😀", String(repeating: "[", count: 70),
        String(repeating: "9", count: 400), "\"method\":\"tools/call\",", "\"_meta\":{", "=?base64?", "?=",
        "\"$ref\":\"#\"", "\"type\":", "\"pattern\":\"", "(", ")*", "{2,}", "|", "[^", "\\\\d",
    ].map { Array($0.utf8) }

    mutating func mutate(_ bytes: inout [UInt8], with corpus: [[UInt8]]) {
        for _ in 0...below(4) {
            let position = below(bytes.count + 1)
            switch below(7) {
            case 0 where position < bytes.count: bytes[position] = UInt8(truncatingIfNeeded: next())
            case 1 where position < bytes.count: bytes[position] ^= 1 << UInt8(below(8))
            case 2 where position < bytes.count:
                bytes.removeSubrange(position..<min(bytes.count, position + 1 + below(8)))
            case 3: bytes.insert(contentsOf: Self.tokens[below(Self.tokens.count)], at: position)
            // Seldom: it leaves little to be read.
            case 4 where below(4) == 0: bytes.removeSubrange(position...)
            case 5:
                let other = corpus[below(corpus.count)]
                let start = below(other.count + 1)
                bytes.insert(contentsOf: other[start..<min(other.count, start + below(40))], at: position)
            default:
                let end = min(bytes.count, position + below(20))
                bytes.insert(contentsOf: Array(bytes[position..<end]), at: position)
            }
        }
    }
}

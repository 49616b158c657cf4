import Dispatch
import Logging
import Primitives
import Synchronization

/// Asks another reader, and waits for each answer only so long: a dead mount never answers `statvfs`, a file system of a
/// container's host may hang behind `/proc`. What does not come in time is what was known last, until it comes after all;
/// nobody asks for it again before. Who does not answer is named in the log, once.
final class PatientReader: SystemReader {
    /// Of one answer, and of all that one measurement waits for in vain.
    static let patience = Duration.seconds(1)

    private enum Answer: Sendable {
        case text(String?)
        case names([String])
        case disk(DiskSpace?)

        var isNothing: Bool {
            switch self {
            case .text(let text): text == nil
            case .names(let names): names.isEmpty
            case .disk(let disk): disk == nil
            }
        }
    }

    private struct Question {
        var last: Answer?
        /// Nobody has answered yet.
        var isAsked = false
        var isOverdue = false
    }

    private struct State {
        var questions: [[UInt8]: Question] = [:]
        /// What is left to wait in vain, until ``beginMeasurement()``.
        var patience = PatientReader.patience
    }

    /// Paths of one machine: mounts, sensors, and a few dozen files.
    private static let maxQuestions = 4096

    private let reader: any SystemReader
    private let logger: Logger?
    private let state = Mutex(State())
    /// As many as may hang; then nothing new is known any more, and still the last is reported.
    private let threads = WorkerThreads(limit: 16)

    init(_ reader: any SystemReader = LinuxSystemReader(), logger: Logger? = nil) {
        self.reader = reader
        self.logger = logger
    }

    /// Mounts that all hang are waited for together, not one after the other.
    func beginMeasurement() {
        state.withLock { $0.patience = Self.patience }
    }

    var architecture: String { reader.architecture }

    func text(_ path: String) -> String? {
        guard case .text(let text) = ask("file", path, { .text($0.text(path)) }) else { return nil }
        return text
    }

    func names(in directory: String) -> [String] {
        guard case .names(let names) = ask("folder", directory, { .names($0.names(in: directory)) }) else { return [] }
        return names
    }

    func disk(at path: String) -> DiskSpace? {
        guard case .disk(let disk) = ask("mount", path, { .disk($0.disk(at: path)) }) else { return nil }
        return disk
    }

    private func ask(_ kind: String, _ path: String, _ question: @escaping @Sendable (any SystemReader) -> Answer)
        -> Answer?
    {
        let key = Array("\(kind) \(path)".utf8)
        let (mayAsk, last, patience) = state.withLock { state -> (Bool, Answer?, Duration) in
            if state.questions.count >= Self.maxQuestions { state.questions = state.questions.filter(\.value.isAsked) }
            let mayAsk = state.questions[key]?.isAsked != true
            if mayAsk { state.questions[key, default: Question()].isAsked = true }
            return (mayAsk, state.questions[key]?.last, state.patience)
        }
        guard mayAsk else { return last }
        let answered = DispatchSemaphore(value: 0)
        threads.submit { [self] in
            answer(key, kind, path, question(reader))
            answered.signal()
        }
        let start = ContinuousClock.now
        let milliseconds = Int(clamping: patience.wholeMilliseconds)
        guard answered.wait(timeout: .now() + .milliseconds(max(10, milliseconds))) == .timedOut else {
            return state.withLock { $0.questions[key]?.last }
        }
        return giveUp(key, kind, path, after: ContinuousClock.now - start)
    }

    private func answer(_ key: [UInt8], _ kind: String, _ path: String, _ answer: Answer) {
        var answer = answer
        // A counter of zero would be a machine that has started anew.
        if answer.isNothing, let last = state.withLock({ $0.questions[key]?.last }), !last.isNothing,
            reader.isShortOfDescriptors
        {
            answer = last
        }
        let wasOverdue = state.withLock { [answer] state in
            let wasOverdue = state.questions[key]?.isOverdue == true
            state.questions[key] = Question(last: answer)
            return wasOverdue
        }
        if wasOverdue { logger?.notice("\(kind) answers again", metadata: ["path": "\(path)"]) }
    }

    private func giveUp(_ key: [UInt8], _ kind: String, _ path: String, after time: Duration) -> Answer? {
        let (isNews, last) = state.withLock { state in
            state.patience = max(.zero, state.patience - time)
            // It may have come in this very moment.
            guard state.questions[key]?.isAsked == true else { return (false, state.questions[key]?.last) }
            let isNews = state.questions[key]?.isOverdue != true
            state.questions[key]?.isOverdue = true
            return (isNews, state.questions[key]?.last)
        }
        if isNews {
            logger?.warning(
                "\(kind) does not answer; its last known figures are reported", metadata: ["path": "\(path)"])
        }
        return last
    }
}

import FoundationEssentials
import Settings
import TestSupport
import Testing
import Texts

@testable import Monitoring

/// What is told in the language of the setting (`engines-details.md` 5).
@Suite struct NotificationTextTests {
    /// The formats of all texts that the engines tell, as they stand in the sources: they begin with a word in brackets,
    /// but for one.
    private static func formats() throws -> Set<String> {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/Monitoring")
        var found: Set<String> = []
        for file in try FileManager.default.subpathsOfDirectory(atPath: sources.path) where file.hasSuffix(".swift") {
            let text = try String(contentsOf: sources.appending(path: file), encoding: .utf8)
                .replacing(#/\\\n */#, with: "")
            for match in text.matches(of: #/"((?:\[[A-Z]|Tasks failed)[^"\n]*)"/#) { found.insert(format(match.1)) }
            for match in text.matches(of: #/"""\n *((?:\[[A-Z]|Tasks failed)[^\n]*)\n *"""/#) {
                found.insert(format(match.1))
            }
        }
        return found
    }

    /// With `%@` in the place of each `\(…)`.
    private static func format(_ literal: Substring) -> String {
        var format = ""
        var depth = 0
        var rest = literal
        while let next = rest.popFirst() {
            if depth == 0, next == "\\", rest.first == "(" {
                rest.removeFirst()
                depth = 1
                format += "%@"
            } else if depth == 0, next == "\\", rest.first == "n" {
                rest.removeFirst()
                format += "\n"
            } else if depth > 0 {
                depth += next == "(" ? 1 : next == ")" ? -1 : 0
            } else {
                format.append(next)
            }
        }
        return format
    }

    @Test(
        "every text of the engines has its words in the language",
        arguments: [.simplifiedChinese, .traditionalChinese, .german, .spanish, .portuguese, .russian] as [Language])
    func complete(_ language: Language) throws {
        let formats = try Self.formats()
        #expect(formats.count >= 16, "\(formats)")
        #expect(formats.contains("[Scheduled Task Executed Failed] %@, %@\n%@"))
        #expect(
            formats.contains(
                "[TLS] %@ TLS certificate changed, old: issuer %@, expires at %@; new: issuer %@, expires at %@"))
        let table = Translations.table(of: language)
        for format in formats { #expect(table[format] != nil, "\(format)") }
    }

    @Test(
        "words that scripts look for",
        arguments: [
            ("[Incident] \("a")(\("b")) \("c")", "[事件] a(b) c"), ("[Resolved] \("a")(\("b")) \("c")", "[恢复] a(b) c"),
            ("[IP Changed] \("a"), \("b") => \("c")", "[IP 变更] a，b => c"),
            ("[Scheduled Task Executed Successfully] \("a"), \("b")\n\("c")", "[计划任务执行成功] a，b\nc"),
            ("[Scheduled Task Executed Failed] \("a"), \("b")\n\("c")", "[计划任务执行失败] a，b\nc"),
            ("[Good] \("a") Reporter: \("b"), Error: \("c")", "[正常] a 报告者：b，错误：c"),
            ("[Low Availability] \("a") Reporter: \("b"), Error: \("c")", "[低可用] a 报告者：b，错误：c"),
            ("[Down] \("a") Reporter: \("b"), Error: \("c")", "[故障] a 报告者：b，错误：c"),
            ("[No Data] \("a") Reporter: \("b"), Error: \("c")", "[无数据] a 报告者：b，错误：c"),
        ] as [(Message, String)])
    func chinese(_ text: Message, _ expected: String) { #expect(text.text(in: .simplifiedChinese) == expected) }

    @Test("the setting decides when a message is sent; languages without words of their own tell it in English")
    func setting() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        try await LocalService.with(sink.serve) { port in
            let group = try await world.group(port: port)
            try await world.notifier.load()
            try await EngineWorld.running([world.notifier.run]) {
                for language in ["zh-CN", "zh_TW", "en_US", "vi_VN", "xx"] {
                    world.settings.set { $0.language = language }
                    world.notifier.notify(group: group, "[Incident] \("web")(\("")) \("load")")
                }
                try await sink.wait(for: 5)
            }
        }
        let english = "[Incident] web() load"
        #expect(sink.bodies == ["[事件] web() load", "[事件] web() load", english, english, english])
    }
}

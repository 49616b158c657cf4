import AgentLink
enum HTTPGet { struct A { var body: [UInt8] }; static func run(_ u: String, bodyLimit: Int) async throws -> A { A(body: []) } }
enum HTTPProbe { static func run(_ d: String) async -> AgentTaskReply? { nil } }
enum TCPProbe { static func run(_ d: String) async -> AgentTaskReply? { nil } }
enum ICMPProbe { static func run(_ d: String) async -> AgentTaskReply? { nil } }
enum TerminalSession { static func run(over: any FrameStream, environment: [String: String]) async throws {} }
struct FileManagerSession { var stream: any FrameStream; var home: String; func run() async throws {} }
enum NATSession { static func run(to: String, over: any FrameStream) async throws {} }

// Copyright: (c) 2026, the ipsec.windows authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

// Stand-ins for the classes and commands of Windows that the host module of the collection uses: a registry (the journal
// registry.jsonl in the folder WINHOST_STATE), DNS names, interfaces, the clock, mutexes, services. They are registered by a
// start-up hook of .NET when the engine loads, so scripts run unchanged.

using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security;
using System.Security.AccessControl;
using System.Text;
using System.Text.Json;
using System.Xml;
using System.Xml.XPath;
using Microsoft.Win32;
using Microsoft.Win32.SafeHandles;

internal static class StartupHook
{
    public static void Initialize()
    {
        AppDomain.CurrentDomain.AssemblyLoad += (sender, load) =>
        {
            if (load.LoadedAssembly.GetName().Name != "System.Management.Automation") return;
            Register(load.LoadedAssembly);
            if (Environment.GetEnvironmentVariable("WINHOST_EVENT_LOG") != null) WinHost.EventLog.Open(load.LoadedAssembly);
        };
    }

    private static void Register(Assembly engine)
    {
        var names = new Dictionary<string, Type>
        {
            ["Microsoft.Win32.RegistryKey"] = typeof(WinHost.RegistryKey),
            ["Microsoft.Win32.RegistryAclExtensions"] = typeof(WinHost.RegistryAclExtensions),
            ["System.Security.AccessControl.RegistrySecurity"] = typeof(WinHost.RegistrySecurity),
            ["System.ServiceProcess.ServiceController"] = typeof(WinHost.ServiceController),
            ["System.Net.Dns"] = typeof(WinHost.Dns),
            ["System.Net.NetworkInformation.NetworkInterface"] = typeof(WinHost.NetworkInterface),
            ["System.Net.NetworkInformation.IPGlobalProperties"] = typeof(WinHost.IPGlobalProperties),
            ["System.DateTimeOffset"] = typeof(WinHost.Clock),
            ["System.Threading.MutexAcl"] = typeof(WinHost.MutexAcl),
            ["System.Security.AccessControl.MutexSecurity"] = typeof(WinHost.MutexSecurity),
            ["System.Security.AccessControl.MutexRights"] = typeof(WinHost.MutexRights),
        };
        var add = engine.GetType("System.Management.Automation.TypeAccelerators").GetMethod("Add");
        foreach (var name in names) add.Invoke(null, new object[] { name.Key, name.Value });
    }
}

namespace WinHost
{
    // The state folder of the simulated host.
    public static class State
    {
        public static readonly string Folder = Environment.GetEnvironmentVariable("WINHOST_STATE");

        private static readonly string SettingsPath = Path.Combine(Folder, "host.json");
        private static JsonElement settings;
        private static DateTime settingsTime;

        // Needed for each registry call, so the file is only read after a change.
        public static JsonElement Setting(string name)
        {
            var time = File.GetLastWriteTimeUtc(SettingsPath);
            if (time != settingsTime)
            {
                using (var document = JsonDocument.Parse(File.ReadAllText(SettingsPath))) settings = document.RootElement.Clone();
                settingsTime = time;
            }
            return settings.GetProperty(name);
        }

        [DllImport("libc", SetLastError = true)]
        private static extern int open(string path, int flags, int mode);

        [DllImport("libc", SetLastError = true)]
        private static extern nint write(int descriptor, byte[] data, nint size);

        [DllImport("libc")]
        private static extern int close(int descriptor);

        private static readonly Dictionary<string, int> Descriptors = new Dictionary<string, int>();

        // Appends a line in one write, as other processes append, too. Returns what was written.
        public static byte[] Append(string file, object[] line)
        {
            int descriptor;
            if (!Descriptors.TryGetValue(file, out descriptor))
            {
                const int WriteCreateAppend = 0x1 | 0x40 | 0x400;
                descriptor = open(Path.Combine(Folder, file), WriteCreateAppend, 0x180);
                Descriptors[file] = descriptor;
            }
            var data = Line(line);
            if (write(descriptor, data, data.Length) != data.Length) throw new IOException("cannot write to " + file);
            return data;
        }

        public static byte[] Line(params object[] line)
        {
            var text = new MemoryStream();
            using (var json = new Utf8JsonWriter(text)) Put(json, line);
            text.WriteByte((byte)'\n');
            return text.ToArray();
        }

        // The first call of JsonSerializer would take some 40 ms.
        private static void Put(Utf8JsonWriter json, object value)
        {
            switch (value)
            {
                case string text: json.WriteStringValue(text); break;
                case KeyValuePair<string, byte[]> encoded:
                    json.WriteStartObject();
                    json.WriteBase64String(encoded.Key, encoded.Value);
                    json.WriteEndObject();
                    break;
                case object[] items:
                    json.WriteStartArray();
                    foreach (var item in items) Put(json, item);
                    json.WriteEndArray();
                    break;
                case int number: json.WriteNumberValue(number); break;
                default: json.WriteNumberValue(Convert.ToUInt64(value)); break;
            }
        }

        public static void Event(string name, params object[] details)
        {
            Append("events.jsonl", new object[] { Now(), name }.Concat(details).ToArray());
        }

        public static long Now()
        {
            return System.DateTimeOffset.UtcNow.ToUnixTimeSeconds() + Setting("clock_offset").GetInt64();
        }
    }

    // Outside of Windows, PowerShell logs to syslog. This sends the full log to standard error.
    internal static class EventLog
    {
        private const int WriteToStandardError = 0x20;
        private const int LocalFacility = 16 << 3;
        private const byte Verbose = 5;

        [DllImport("libc")]
        private static extern void openlog(nint identity, int option, int facility);

        public static void Open(Assembly engine)
        {
            const BindingFlags Hidden = BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;
            // its constructor opens syslog, so it must exist before openlog
            var provider = engine.GetType("System.Management.Automation.Tracing.PSSysLogProvider")
                .GetField("s_provider", Hidden).GetValue(null);
            // a setting would need a file in the folder of PowerShell
            provider.GetType().GetField("_levelFilter", Hidden).SetValue(provider, Verbose);
            openlog(Marshal.StringToHGlobalAnsi("PowerShell"), WriteToStandardError, LocalFacility);
        }
    }

    // Asks the host for faults before and after each step, through a channel that exists only if the host has faults. Without an
    // answer the process hangs.
    public static class Faults
    {
        private static readonly Stream Channel = Open();

        private static Stream Open()
        {
            var descriptor = Environment.GetEnvironmentVariable("WINHOST_FAULTS");
            if (descriptor == null) return null;
            return new FileStream(new SafeFileHandle(new IntPtr(int.Parse(descriptor)), false), FileAccess.ReadWrite, 0);
        }

        public static void Meet(string step)
        {
            if (Channel == null) return;
            var line = Encoding.ASCII.GetBytes(step + "\n");
            Channel.Write(line, 0, line.Length);
            var error = new StringBuilder();
            for (var c = Channel.ReadByte(); c != '\n'; c = Channel.ReadByte()) error.Append((char)c);
            if (error.Length > 0) throw new UnauthorizedAccessException(error.ToString());
        }

        // An operation counts if it changes a key below the container or the record of dynamic rules, or a value of such a key.
        public static void Operation(string key, Action operation)
        {
            const string Store = @"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local\";
            const string Record = @"HKLM\SOFTWARE\ipsec.windows.dynamic\";
            var counts = new[] { Store, Record }.Any(root => key.StartsWith(root, StringComparison.OrdinalIgnoreCase));
            if (counts) Meet("before operation");
            operation();
            if (counts) Meet("after operation");
        }
    }

    internal sealed class Key
    {
        public string Path;
        public readonly List<Key> Children = new List<Key>();
        public readonly Dictionary<string, Tuple<string, RegistryValueKind, object>> Values =
            new Dictionary<string, Tuple<string, RegistryValueKind, object>>(StringComparer.OrdinalIgnoreCase);
    }

    // The registry from its journal, which is read from where the last read ended.
    internal static class Journal
    {
        private static readonly Dictionary<string, Key> Keys = new Dictionary<string, Key>(StringComparer.OrdinalIgnoreCase);
        private static readonly FileStream file = new FileStream(
            System.IO.Path.Combine(State.Folder, "registry.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0);
        private static long position;

        // The resulting registry of a long journal, after a line with the position up to which it was read.
        private static readonly string Checkpoint = System.IO.Path.Combine(State.Folder, "registry.checkpoint");
        private static int lines;

        static Journal()
        {
            AppDomain.CurrentDomain.ProcessExit += (sender, exit) => Keep();
            if (!File.Exists(Checkpoint)) return;
            var data = File.ReadAllBytes(Checkpoint);
            var start = Array.IndexOf(data, (byte)'\n');
            var until = long.Parse(Encoding.ASCII.GetString(data, 0, start));
            if (until > RandomAccess.GetLength(file.SafeFileHandle)) return;
            Take(data[(start + 1)..], data.Length - start - 1);
            position = until;
        }

        private static void Keep()
        {
            if (lines < 1000 + 4 * Keys.Values.Sum(key => 1 + key.Values.Count)) return;
            var temporary = Checkpoint + "." + Environment.ProcessId;
            using (var kept = File.Create(temporary))
            {
                kept.Write(Encoding.ASCII.GetBytes(position + "\n"));
                foreach (var key in Keys.Values)
                {
                    var path = Encoded(key.Path);
                    kept.Write(State.Line("create", path));
                    foreach (var value in key.Values.Values)
                    {
                        // data whose size does not fit the kind are bytes
                        var data = RegistryKey.Encoded(value.Item3, value.Item3 is byte[] ? RegistryValueKind.Binary : value.Item2);
                        kept.Write(State.Line("set", path, Encoded(value.Item1), (int)value.Item2, data));
                    }
                }
            }
            File.Move(temporary, Checkpoint, true);
        }

        public static Key Find(string path)
        {
            ReadOn();
            Key key;
            return Keys.TryGetValue(path, out key) ? key : null;
        }

        public static void Write(params object[] change)
        {
            change[1] = Encoded((string)change[1]);
            var line = State.Append("registry.jsonl", change);
            // it need not be read back if nobody else has written
            if (RandomAccess.GetLength(file.SafeFileHandle) == position + line.Length) Take(line, line.Length);
        }

        private static void ReadOn()
        {
            var length = RandomAccess.GetLength(file.SafeFileHandle);
            if (length == position) return;
            var data = new byte[length - position];
            Take(data, RandomAccess.Read(file.SafeFileHandle, data, position));
        }

        private static void Take(byte[] data, int read)
        {
            var start = 0;
            for (var end = Array.IndexOf(data, (byte)'\n', 0, read); end >= 0; end = Array.IndexOf(data, (byte)'\n', start, read - start))
            {
                using (var line = JsonDocument.Parse(data.AsMemory(start, end - start))) Apply(line.RootElement);
                start = end + 1;
                lines++;
            }
            position += start;
        }

        private static void Apply(JsonElement change)
        {
            var path = Text(change[1]);
            switch (change[0].GetString())
            {
                case "create": Make(path); break;
                case "delete": Remove(path); break;
                case "set":
                    var name = Text(change[2]);
                    var key = Make(path);
                    var kind = (RegistryValueKind)change[3].GetInt32();
                    var known = key.Values.ContainsKey(name) ? key.Values[name].Item1 : name;
                    key.Values[name] = Tuple.Create(known, kind, Data(change[4], kind));
                    break;
                case "unset":
                    Key found;
                    if (Keys.TryGetValue(path, out found)) found.Values.Remove(Text(change[2]));
                    break;
            }
        }

        private static Key Make(string path)
        {
            Key key;
            if (Keys.TryGetValue(path, out key)) return key;
            var slash = path.LastIndexOf('\\');
            var parent = slash < 0 ? null : Make(path.Substring(0, slash));
            key = new Key { Path = parent == null ? path : parent.Path + path.Substring(slash) };
            if (parent != null) parent.Children.Add(key);
            Keys[path] = key;
            return key;
        }

        private static void Remove(string path)
        {
            Key key;
            if (!Keys.TryGetValue(path, out key)) return;
            foreach (var child in key.Children.ToArray()) Remove(child.Path);
            Keys.Remove(path);
            var slash = path.LastIndexOf('\\');
            Key parent;
            if (slash >= 0 && Keys.TryGetValue(path.Substring(0, slash), out parent)) parent.Children.Remove(key);
        }

        private static readonly UnicodeEncoding Utf16 = new UnicodeEncoding(false, false, true);

        // JSON cannot hold unpaired surrogates; such texts are {"u16": base64}.
        public static string Text(JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.String) return value.GetString();
            var bytes = value.GetProperty("u16").GetBytesFromBase64();
            return new string(MemoryMarshal.Cast<byte, char>(bytes));
        }

        public static object Encoded(string text)
        {
            try
            {
                Utf16.GetByteCount(text);
                return text;
            }
            catch (EncoderFallbackException)
            {
                return KeyValuePair.Create("u16", MemoryMarshal.AsBytes(text.AsSpan()).ToArray());
            }
        }

        private static object Data(JsonElement value, RegistryValueKind kind)
        {
            JsonElement bytes;
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("b64", out bytes)) return bytes.GetBytesFromBase64();
            switch (kind)
            {
                case RegistryValueKind.String:
                case RegistryValueKind.ExpandString: return Text(value);
                case RegistryValueKind.MultiString: return value.EnumerateArray().Select(Text).ToArray();
                case RegistryValueKind.DWord: return unchecked((int)value.GetUInt32());
                case RegistryValueKind.QWord: return unchecked((long)value.GetUInt64());
                default: throw new InvalidDataException("a value in the journal of the registry has no data");
            }
        }
    }

    public sealed class RegistryKey : IDisposable
    {
        private readonly string location;
        private readonly bool writable;
        private readonly bool mayChangePermissions;
        private bool closed;

        private RegistryKey(string location, bool writable, bool mayChangePermissions = false)
        {
            this.location = location;
            this.writable = writable;
            this.mayChangePermissions = mayChangePermissions;
        }

        private string path
        {
            get
            {
                if (closed) throw new ObjectDisposedException(location, "Cannot access a closed registry key.");
                return location;
            }
        }

        public string Name { get { return "HKEY_LOCAL_MACHINE" + path.Substring(4); } }

        public static RegistryKey OpenBaseKey(RegistryHive hive, RegistryView view)
        {
            if (hive != RegistryHive.LocalMachine || view != RegistryView.Registry64)
                throw new NotSupportedException("the simulated host has only HKLM in the 64-bit view");
            return new RegistryKey("HKLM", true);
        }

        public RegistryKey OpenSubKey(string name) { return OpenSubKey(name, false); }

        public RegistryKey OpenSubKey(string name, bool writable)
        {
            var key = Journal.Find(path + "\\" + name);
            if (key == null) return null;
            if (writable && !State.Setting("administrator").GetBoolean())
                throw new SecurityException("Requested registry access is not allowed.");
            // somebody deletes the key, and its handle stays open
            if (!writable && State.Setting("vanishing").EnumerateArray().Any(v => key.Path.EndsWith("\\" + v.GetString(), StringComparison.OrdinalIgnoreCase)))
                Journal.Write("delete", key.Path);
            return new RegistryKey(key.Path, writable);
        }

        public RegistryKey OpenSubKey(string name, RegistryKeyPermissionCheck check, RegistryRights rights)
        {
            var key = OpenSubKey(name, check == RegistryKeyPermissionCheck.ReadWriteSubTree);
            return key == null ? null : new RegistryKey(key.path, key.writable, rights.HasFlag(RegistryRights.ChangePermissions));
        }

        private void RequireAccess()
        {
            if (!writable || !State.Setting("administrator").GetBoolean())
                throw new UnauthorizedAccessException("Cannot write to the registry key.");
        }

        public RegistryKey CreateSubKey(string name)
        {
            RequireAccess();
            Faults.Operation(path + "\\" + name, () =>
            {
                if (Journal.Find(path + "\\" + name) == null) Journal.Write("create", path + "\\" + name);
            });
            return OpenSubKey(name, true);
        }

        public RegistryKey CreateSubKey(string name, RegistryKeyPermissionCheck check, RegistryOptions options)
        {
            return CreateSubKey(name);
        }

        public void DeleteSubKeyTree(string name, bool throwOnMissingSubKey)
        {
            Faults.Operation(path + "\\" + name, () =>
            {
                if (Journal.Find(path + "\\" + name) != null)
                {
                    RequireAccess();
                    Journal.Write("delete", path + "\\" + name);
                }
                else if (throwOnMissingSubKey) throw new ArgumentException("Cannot delete a subkey tree because the subkey does not exist.");
            });
        }

        private Key Existing()
        {
            var key = Journal.Find(path);
            if (key == null) throw new IOException("Illegal operation attempted on a registry key that has been marked for deletion.");
            return key;
        }

        public int SubKeyCount { get { return Existing().Children.Count; } }

        public string[] GetSubKeyNames() { return Existing().Children.Select(c => c.Path.Substring(path.Length + 1)).ToArray(); }

        public string[] GetValueNames() { return Existing().Values.Values.Select(v => v.Item1).ToArray(); }

        public RegistryValueKind GetValueKind(string name) { return Existing().Values[name ?? ""].Item2; }

        public object GetValue(string name) { return GetValue(name, null); }

        public object GetValue(string name, object defaultValue)
        {
            var values = Existing().Values;
            return values.ContainsKey(name ?? "") ? values[name ?? ""].Item3 : defaultValue;
        }

        public object GetValue(string name, object defaultValue, RegistryValueOptions options)
        {
            return GetValue(name, defaultValue);
        }

        public void SetValue(string name, object value, RegistryValueKind kind)
        {
            if (!writable) throw new UnauthorizedAccessException("Cannot write to the registry key.");
            Existing();
            Faults.Operation(path + "\\", () => Journal.Write("set", path, Journal.Encoded(name ?? ""), (int)kind, Encoded(value, kind)));
        }

        public void DeleteValue(string name, bool throwOnMissingValue)
        {
            if (!writable) throw new UnauthorizedAccessException("Cannot write to the registry key.");
            Faults.Operation(path + "\\", () =>
            {
                if (Existing().Values.ContainsKey(name ?? "")) Journal.Write("unset", path, Journal.Encoded(name ?? ""));
                else if (throwOnMissingValue) throw new ArgumentException("No value exists with that name.");
            });
        }

        internal static object Encoded(object value, RegistryValueKind kind)
        {
            switch (kind)
            {
                case RegistryValueKind.String:
                case RegistryValueKind.ExpandString: return Journal.Encoded((string)value);
                case RegistryValueKind.MultiString: return ((string[])value).Select(Journal.Encoded).ToArray();
                case RegistryValueKind.DWord: return unchecked((uint)(int)value);
                case RegistryValueKind.QWord: return unchecked((ulong)(long)value);
                case RegistryValueKind.Binary:
                case RegistryValueKind.None: return KeyValuePair.Create("b64", (byte[])value);
                default: throw new ArgumentException("The value kind is not valid.");
            }
        }

        public void Close() { Dispose(); }

        // A hive cannot be closed, as in .NET.
        public void Dispose() { closed = location != "HKLM"; }

        internal void Secure(RegistrySecurity security)
        {
            if (!mayChangePermissions) throw new UnauthorizedAccessException("Access to the registry key is denied.");
            State.Event("registry_security", Name, security.Sddl);
        }
    }

    public sealed class RegistrySecurity
    {
        public string Sddl;

        public void SetSecurityDescriptorSddlForm(string sddl, AccessControlSections sections)
        {
            if (sections != AccessControlSections.Access)
                throw new InvalidOperationException("The process does not possess the 'SeSecurityPrivilege' privilege.");
            Sddl = sddl;
        }
    }

    public static class RegistryAclExtensions
    {
        public static void SetAccessControl(RegistryKey key, RegistrySecurity security) { key.Secure(security); }
    }

    public static class Dns
    {
        public static IPAddress[] GetHostAddresses(string name)
        {
            foreach (var entry in State.Setting("names").EnumerateObject())
                if (string.Equals(entry.Name.TrimEnd('.'), name.TrimEnd('.'), StringComparison.OrdinalIgnoreCase))
                    return entry.Value.EnumerateArray().Select(a => IPAddress.Parse(a.GetString())).ToArray();
            throw new SocketException((int)SocketError.HostNotFound);
        }
    }

    public sealed class NetworkInterface
    {
        public string Id;
        public Properties Addresses;

        public Properties GetIPProperties() { return Addresses; }

        // The interface of the host, which has all servers, and the interfaces of the settings.
        public static NetworkInterface[] GetAllNetworkInterfaces()
        {
            var own = new NetworkInterface
            {
                Id = "{00000000-0000-0000-0000-000000000001}",
                Addresses = new Properties
                {
                    UnicastAddresses = new[] { new Located { Address = IPAddress.Parse(Environment.GetEnvironmentVariable("WINHOST_ADDRESS")) } },
                    GatewayAddresses = Servers("gateway").Select(a => new Located { Address = a }).ToArray(),
                    DnsAddresses = Servers("dns"),
                    WinsServersAddresses = Servers("wins"),
                    DhcpServerAddresses = Servers("dhcp"),
                },
            };
            return State.Setting("interfaces").EnumerateObject().Select(entry => new NetworkInterface
            {
                Id = entry.Name,
                Addresses = new Properties
                {
                    UnicastAddresses = Parse(entry.Value).Select(a => new Located { Address = a }).ToArray(),
                },
            }).Prepend(own).ToArray();
        }

        private static IPAddress[] Servers(string kind)
        {
            JsonElement found;
            return State.Setting("servers").TryGetProperty(kind, out found) ? Parse(found) : new IPAddress[0];
        }

        private static IPAddress[] Parse(JsonElement addresses)
        {
            return addresses.EnumerateArray().Select(a => IPAddress.Parse(a.GetString())).ToArray();
        }

        public sealed class Properties
        {
            public Located[] UnicastAddresses = new Located[0];
            public Located[] GatewayAddresses = new Located[0];
            public IPAddress[] DnsAddresses = new IPAddress[0];
            public IPAddress[] WinsServersAddresses = new IPAddress[0];
            public IPAddress[] DhcpServerAddresses = new IPAddress[0];
        }

        public sealed class Located { public IPAddress Address; }
    }

    // Many hosts share the loopback of this machine; each lists only its own connections.
    public sealed class IPGlobalProperties
    {
        private static readonly IPAddress Own = IPAddress.Parse(Environment.GetEnvironmentVariable("WINHOST_ADDRESS"));

        public static IPGlobalProperties GetIPGlobalProperties() { return new IPGlobalProperties(); }

        public TcpConnectionInformation[] GetActiveTcpConnections()
        {
            return System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
                .Where(connection => connection.LocalEndPoint.Address.Equals(Own)).ToArray();
        }
    }

    public sealed class Clock
    {
        public static System.DateTimeOffset UtcNow { get { return System.DateTimeOffset.FromUnixTimeSeconds(State.Now()); } }
    }

    // The only service of a simulated host: its actions are in service.jsonl, its start type is in the registry.
    public sealed class ServiceController
    {
        private const string Key = @"HKLM\SYSTEM\CurrentControlSet\Services\PolicyAgent";
        private static readonly Dictionary<string, uint> StartTypes =
            new Dictionary<string, uint>(StringComparer.OrdinalIgnoreCase) { ["Automatic"] = 2, ["Manual"] = 3, ["Disabled"] = 4 };

        private readonly string name;

        public ServiceController(string name) { this.name = name; }

        public string Status
        {
            get
            {
                if (!"PolicyAgent".Equals(name, StringComparison.OrdinalIgnoreCase) || Start == null)
                    throw new InvalidOperationException("Cannot find any service with service name '" + name + "'.");
                var last = File.ReadLines(Path.Combine(State.Folder, "service.jsonl")).Last(line => !line.Contains("control"));
                return last.Contains("start") ? "Running" : "Stopped";
            }
        }

        private static uint? Start
        {
            get
            {
                var key = Journal.Find(Key);
                return key != null && key.Values.ContainsKey("Start") ? (uint?)(int)key.Values["Start"].Item3 : null;
            }
        }

        // The status, if the user may control the service.
        private string Control()
        {
            var status = Status;
            if (!State.Setting("administrator").GetBoolean())
                throw new InvalidOperationException("Service '" + name + "' cannot be controlled: Access is denied");
            return status;
        }

        public void SetStart(string type)
        {
            Control();
            Journal.Write("set", Key, "Start", (int)RegistryValueKind.DWord, StartTypes[type]);
        }

        public void Begin()
        {
            Control();
            if (Start == 4)
                throw new InvalidOperationException("Service 'IPsec Policy Agent (PolicyAgent)' cannot be started because it is disabled.");
            Perform("start");
        }

        public void End()
        {
            Control();
            Note("stop");
        }

        public void ExecuteCommand(int command)
        {
            if (Control() != "Running") throw new InvalidOperationException("Cannot control PolicyAgent service on computer '.'.");
            Perform("control", command);
        }

        private static void Perform(params object[] action)
        {
            Faults.Meet("before service");
            Note(action);
            Faults.Meet("after service");
        }

        private static void Note(params object[] action)
        {
            State.Append("service.jsonl", action);
            State.Event("service", action);
        }
    }

    public abstract class ServiceCommand : PSCmdlet
    {
        [Parameter(Position = 0)]
        public string Name { get; set; }

        protected ServiceController Service { get { return new ServiceController(Name); } }
    }

    [Cmdlet(VerbsCommon.Set, "Service")]
    public sealed class SetService : ServiceCommand
    {
        [Parameter]
        public string StartupType { get; set; }

        protected override void EndProcessing() { Service.SetStart(StartupType); }
    }

    [Cmdlet(VerbsLifecycle.Start, "Service")]
    public sealed class StartService : ServiceCommand
    {
        protected override void EndProcessing() { Service.Begin(); }
    }

    [Cmdlet(VerbsLifecycle.Restart, "Service")]
    public sealed class RestartService : ServiceCommand
    {
        [Parameter]
        public SwitchParameter Force { get; set; }

        protected override void EndProcessing()
        {
            Service.End();
            Service.Begin();
        }
    }

    // Programs of the host outside of this process, through its socket. programs.py describes the messages.
    internal static class Programs
    {
        // Runs a program; returns its exit code and its output.
        public static Tuple<int, string> Run(string name, params string[] arguments)
        {
            var command = Environment.GetEnvironmentVariable("WINHOST_COMMAND") ?? "";
            var fields = Encoding.UTF8.GetBytes(string.Join("\0", new[] { name, command }.Concat(arguments)));
            using (var channel = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                // a process starts in the folder of its host, whose path may be too long for a socket
                channel.Connect(new UnixDomainSocketEndPoint("host.sock"));
                using (var stream = new NetworkStream(channel))
                {
                    // in one write, as the host may close before another one; the input is empty
                    var length = BitConverter.GetBytes(IPAddress.HostToNetworkOrder(fields.Length));
                    stream.Write(length.Concat(fields).Concat(new byte[4]).ToArray());
                    var answer = new MemoryStream();
                    stream.CopyTo(answer);
                    var bytes = answer.ToArray();
                    if (bytes.Length < 4) throw new IOException("the simulated host has not answered");
                    var code = IPAddress.NetworkToHostOrder(BitConverter.ToInt32(bytes, 0));
                    return Tuple.Create(code, Encoding.UTF8.GetString(bytes, 4, bytes.Length - 4));
                }
            }
        }
    }

    // It also returns an object for the task, as on Windows.
    [Cmdlet(VerbsLifecycle.Register, "ScheduledTask")]
    public sealed class RegisterScheduledTask : PSCmdlet
    {
        [Parameter(Mandatory = true)]
        public string TaskName { get; set; }

        [Parameter(Mandatory = true)]
        public string Xml { get; set; }

        [Parameter]
        public SwitchParameter Force { get; set; }

        protected override void EndProcessing()
        {
            var answer = Programs.Run("register", TaskName, Xml, Force ? "force" : "");
            if (answer.Item1 != 0)
            {
                var problem = new InvalidOperationException(answer.Item2);
                WriteError(new ErrorRecord(problem, "HRESULT", ErrorCategory.NotSpecified, TaskName));
                return;
            }
            var task = new PSObject();
            task.Properties.Add(new PSNoteProperty("TaskName", TaskName));
            WriteObject(task);
        }
    }

    // As the enumeration of the same name; its members have no fixed numbers here.
    public enum NativeErrorCode { Failed, AccessDenied, InvalidClass }

    public sealed class CimException : SystemException
    {
        public CimException(string message, NativeErrorCode code) : base(message) { NativeErrorCode = code; }

        public NativeErrorCode NativeErrorCode { get; private set; }
    }

    public sealed class CimProperty
    {
        public string Name { get; set; }

        public object Value { get; set; }
    }

    public sealed class CimInstance
    {
        private readonly string className;

        public CimInstance(string className, JsonElement properties)
        {
            this.className = className;
            CimInstanceProperties = properties.EnumerateObject()
                .Select(found => new CimProperty { Name = found.Name, Value = Value(found.Name, found.Value) }).ToArray();
        }

        public CimProperty[] CimInstanceProperties { get; private set; }

        public override string ToString() { return className; }

        private static object Value(string name, JsonElement value)
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.String: return value.GetString();
                case JsonValueKind.True:
                case JsonValueKind.False: return value.GetBoolean();
                case JsonValueKind.Object: return new CimInstance("MSFT_NetIPsecIdentity", value);
                case JsonValueKind.Number:
                    ulong number;
                    return value.TryGetUInt64(out number) ? (object)number : value.GetInt64();
                case JsonValueKind.Array:
                    // the only property with an array of numbers
                    if (name == "ipsecData") return value.EnumerateArray().Select(item => item.GetByte()).ToArray();
                    return value.EnumerateArray().Select(item => item.GetString()).ToArray();
                default: return null;
            }
        }
    }

    // What the host is asked for, as JSON, or null after an error.
    public abstract class QueryCommand : PSCmdlet
    {
        protected JsonElement? Ask(string name, params string[] arguments)
        {
            var answer = Programs.Run(name, arguments);
            var found = JsonDocument.Parse(answer.Item2).RootElement;
            if (answer.Item1 == 0) return found;
            var message = found.GetProperty("message").GetString();
            WriteError(new ErrorRecord(Problem(found.GetProperty("error").GetString(), message), "QueryFailed", ErrorCategory.NotSpecified, null));
            return null;
        }

        protected abstract Exception Problem(string reason, string message);
    }

    [Cmdlet(VerbsCommon.Get, "CimInstance")]
    public sealed class GetCimInstance : QueryCommand
    {
        [Parameter(Mandatory = true)]
        public string Namespace { get; set; }

        [Parameter(Mandatory = true)]
        public string ClassName { get; set; }

        protected override void EndProcessing()
        {
            var found = Ask("cim", Namespace, ClassName);
            if (found == null) return;
            foreach (var instance in found.Value.EnumerateArray()) WriteObject(new CimInstance(ClassName, instance));
        }

        protected override Exception Problem(string reason, string message)
        {
            var codes = new Dictionary<string, NativeErrorCode>
            {
                ["no_class"] = NativeErrorCode.InvalidClass,
                ["access_denied"] = NativeErrorCode.AccessDenied,
                ["failed"] = NativeErrorCode.Failed,
            };
            return new CimException(message, codes[reason]);
        }
    }

    public sealed class EventRecord
    {
        private readonly JsonElement found;

        public EventRecord(JsonElement found) { this.found = found; }

        public int Id { get { return found.GetProperty("id").GetInt32(); } }

        public ulong RecordId { get { return found.GetProperty("record").GetUInt64(); } }

        public DateTime TimeCreated { get { return System.DateTimeOffset.FromUnixTimeSeconds(found.GetProperty("time").GetInt64()).LocalDateTime; } }

        // The part of an event that queries use, without its namespace.
        internal string Header()
        {
            var provider = Escaped(found.GetProperty("provider").GetString());
            return "<System><Provider Name='" + provider + "'/><EventID>" + Id + "</EventID><EventRecordID>" + RecordId + "</EventRecordID></System>";
        }

        public string ToXml()
        {
            var data = found.GetProperty("data").EnumerateObject()
                .Select(item => "<Data Name='" + Escaped(item.Name) + "'>" + Escaped(item.Value.GetString()) + "</Data>");
            return "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>" + Header() + "<EventData>" + string.Concat(data) + "</EventData></Event>";
        }

        private static string Escaped(string text)
        {
            return string.Concat(SecurityElement.Escape(text).Select(c => c < ' ' ? "&#" + (int)c + ";" : c.ToString()));
        }
    }

    [Cmdlet(VerbsCommon.Get, "WinEvent")]
    public sealed class GetWinEvent : QueryCommand
    {
        [Parameter(Mandatory = true)]
        public string LogName { get; set; }

        [Parameter(Mandatory = true)]
        public string FilterXPath { get; set; }

        [Parameter(Mandatory = true)]
        public long MaxEvents { get; set; }

        protected override void EndProcessing()
        {
            if (LogName != "Security") throw new ArgumentException("The simulated host has no log " + LogName + ".");
            var answer = Ask("events");
            if (answer == null) return;
            var records = answer.Value.EnumerateArray().Select(found => new EventRecord(found)).ToArray();
            var all = "<Events>" + string.Concat(records.Select((record, at) => "<Event at='" + at + "'>" + record.Header() + "</Event>")) + "</Events>";
            var document = new XPathDocument(new StringReader(all)).CreateNavigator();
            document.MoveToFirstChild();
            var chosen = document.Select(FilterXPath).Cast<XPathNavigator>().Take((int)MaxEvents)
                .Select(found => records[int.Parse(found.GetAttribute("at", ""))]).ToArray();
            WriteObject(chosen, true);
            if (chosen.Length > 0) return;
            var none = new Exception("No events were found that match the specified selection criteria.");
            WriteError(new ErrorRecord(none, "NoMatchingEventsFound", ErrorCategory.ObjectNotFound, null));
        }

        protected override Exception Problem(string reason, string message)
        {
            return reason == "access_denied" ? new UnauthorizedAccessException(message) : new Exception(message);
        }
    }

    // Each simulated host has mutexes of its own.
    public sealed class Mutex : IDisposable
    {
        private readonly System.Threading.Mutex mutex;

        internal Mutex(string name, string access)
        {
            var host = State.Folder.Aggregate(5381u, (hash, c) => hash * 33 + c);
            mutex = new System.Threading.Mutex(false, name + "." + host);
            State.Event("mutex", access);
        }

        public bool WaitOne(int milliseconds) { return mutex.WaitOne(milliseconds); }

        public void ReleaseMutex() { mutex.ReleaseMutex(); }

        public void Dispose() { mutex.Dispose(); }
    }

    public sealed class MutexSecurity
    {
        public string Sddl;

        public void SetSecurityDescriptorSddlForm(string sddl, AccessControlSections sections) { Sddl = sddl; }
    }

    [Flags]
    public enum MutexRights { Modify = 0x1, Synchronize = 0x100000 }

    // A mutex of another account refuses all rights, which creating it asks for.
    public static class MutexAcl
    {
        public static Mutex Create(bool initiallyOwned, string name, out bool created, MutexSecurity security)
        {
            created = State.Setting("mutex").GetString() == "free";
            if (!created) throw Denied(name);
            return new Mutex(name, security.Sddl);
        }

        public static Mutex OpenExisting(string name, MutexRights rights)
        {
            if (State.Setting("mutex").GetString() == "denied" || rights != MutexRights.Synchronize) throw Denied(name);
            return new Mutex(name, rights.ToString());
        }

        private static Exception Denied(string name) { return new UnauthorizedAccessException("Access to the path '" + name + "' is denied."); }
    }
}
